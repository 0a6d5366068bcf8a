#include "src/engine/events.h"

namespace onelane::inline v0::engine {

void Events::note(Event event) noexcept {
  const std::scoped_lock lock(mutex_);
  const std::size_t noted = noted_.load(std::memory_order_relaxed);
  if (noted == kNotedMax || finished_) return;
  ring_[(first_ + noted) % kNotedMax] = std::move(event);
  noted_.store(noted + 1);
}

bool Events::take(Event& event) noexcept {
  const std::scoped_lock lock(mutex_);
  const std::size_t noted = noted_.load(std::memory_order_relaxed);
  if (noted == 0) return false;
  event = std::exchange(ring_[first_], Event());
  first_ = (first_ + 1) % kNotedMax;
  noted_.store(noted - 1);
  return true;
}

std::optional<TimePoint> Events::next() const {
  if (known_[static_cast<std::size_t>(Condition::poisoned)].told) return std::nullopt;
  std::optional<TimePoint> next;
  for (const Known& each : known_) {
    const TimePoint over = each.last + kQuiet;
    if (each.told && (!next || over < *next)) next = over;
  }
  return next;
}

// seq_cst: who leaves it to another thread has noted before that thread looks for the last time.
void Events::tell() noexcept {
  std::thread::id nobody;
  while (pending() && teller_.compare_exchange_strong(nobody, std::this_thread::get_id())) {
    Event event;
    while (take(event)) {
      try {
        handler_(event);
      } catch (...) {  // event.h says so
      }
    }
    teller_.store(std::thread::id());
  }
}

void Events::finish() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    finished_ = true;
  }
  tell();
  while (teller_.load() != std::thread::id()) std::this_thread::yield();
}

}  // namespace onelane::inline v0::engine
