#include "src/engine/events.h"

namespace onelane::inline v0::engine {

void Events::note(Event event) noexcept {
  const std::scoped_lock lock(mutex_);
  const std::size_t noted = noted_.load(std::memory_order_relaxed);
  if (noted == kNotedMax) return;
  ring_[(first_ + noted) % kNotedMax] = std::move(event);
  noted_.store(noted + 1, std::memory_order_release);
}

bool Events::take(Event& event) noexcept {
  const std::scoped_lock lock(mutex_);
  const std::size_t noted = noted_.load(std::memory_order_relaxed);
  if (noted == 0) return false;
  event = std::exchange(ring_[first_], Event());
  first_ = (first_ + 1) % kNotedMax;
  noted_.store(noted - 1, std::memory_order_release);
  return true;
}

// Who leaves it to another thread has noted before that thread looks for the last time.
void Events::tell() noexcept {
  while (pending() && !telling_.exchange(true)) {
    Event event;
    while (take(event)) {
      try {
        handler_(event);
      } catch (...) {  // event.h says so
      }
    }
    telling_.store(false);
  }
}

}  // namespace onelane::inline v0::engine
