#include "src/engine/lane_state.h"

#include "src/base/memory.h"
#include "src/engine/refusals.h"

namespace onelane::inline v0::engine {

template <class Change>
void LaneState::change(const Change& change) {
  const std::scoped_lock lock(mutex_);
  change();
  const bool shut = !poison_.ok() || life_ != Life::open;
  kind_.store(tell(), std::memory_order_release);
  accepts_.store(!shut && stalled_.ok(), std::memory_order_release);
  shut_.store(shut, std::memory_order_release);
}

LaneState::Kind LaneState::tell() const {
  if (!poison_.ok()) return Kind::poisoned;
  if (!unknown_.ok()) return Kind::unknown;
  if (life_ == Life::closed) return Kind::closed;
  if (!stalled_.ok()) return Kind::stalled;
  return life_ == Life::closing ? Kind::closing : Kind::open;
}

bool LaneState::ended() const {
  const std::scoped_lock lock(mutex_);
  return life_ == Life::closed;
}

Status LaneState::refusal() const {
  const std::scoped_lock lock(mutex_);
  if (!poison_.ok()) return poison_;
  return life_ == Life::open ? stalled_ : closed_status();
}

Status LaneState::first_error() const {
  const std::scoped_lock lock(mutex_);
  return poison_;
}

Status LaneState::stall_cause() const {
  const std::scoped_lock lock(mutex_);
  return stalled_;
}

Status LaneState::cause() const {
  const std::scoped_lock lock(mutex_);
  if (!poison_.ok()) return poison_;
  if (!unknown_.ok()) return unknown_;
  if (stalled_.ok() && life_ != Life::open) return closed_status();
  return stalled_;
}

void LaneState::stall(const Status& cause) {
  change([&] { stalled_ = worded_cause(cause); });
}

void LaneState::become_unknown(const Status& cause) {
  change([&] { unknown_ = worded_cause(cause); });
}

void LaneState::recover() {
  change([&] { stalled_ = unknown_ = {}; });
}

void LaneState::give_up_fence() {
  change([&] { unknown_ = {}; });
}

void LaneState::close() {
  change([&] {
    if (life_ == Life::open) life_ = Life::closing;
  });
}

void LaneState::end() {
  change([&] { life_ = Life::closed; });
}

bool LaneState::poison(const Status& cause) noexcept {
  bool first = false;
  change([&] {
    first = poison_.ok();
    if (!first) return;
    poison_ = base::worded(Errc::poisoned, cause.sqlite_code(), [&cause] {
      return "reopen the journal; the first error was: " + cause.to_string();
    });
    unknown_ = {};
  });
  return first;
}

}  // namespace onelane::inline v0::engine
