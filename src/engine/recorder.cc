#include "src/engine/recorder.h"

#include <new>

namespace onelane::inline v0::engine {

void Recorder::tick(const commit::TickResult& result, TickEnd end, Duration overlong) {
  if (result.action == commit::Action::wait_for_lock) model::add(busy_, 1);
  if (result.log_hold > Duration(0)) record_hold(result.log_hold);
  if (!result.transaction) return;
  const Duration held = result.ended - result.began;
  model::add(ticks_, 1);
  model::add(attempts_, result.attempts);
  model::add(conflicts_, result.conflicts);
  record_hold(held);
  model::add(tick_ends_[static_cast<std::size_t>(end)], 1);
  units_.record(result.units);
  bytes_.record(result.bytes);

  if (result.longest_step == nullptr) return;
  const std::scoped_lock lock(mutex_);
  if (result.longest_step_time > overlong) ++overlong_steps_;
  if (result.longest_step_time <= longest_step_time_) return;
  try {
    longest_step_ = result.longest_step->job->job.name;
    longest_step_time_ = result.longest_step_time;
  } catch (const std::bad_alloc&) {  // then it is not the one that is remembered
  }
}

void Recorder::record_closing_pass(Duration held) {
  record_hold(held);
  closing_hold_.record(held);
}

void Recorder::record_hold(Duration held) {
  model::add(held_ns_, static_cast<std::uint64_t>(held.count()));
  hold_.record(held);
}

void Recorder::set_tick(const Budget& tick) {
  const std::scoped_lock lock(mutex_);
  tick_ = tick;
  ++tick_changes_;
}

void Recorder::snapshot(JournalStats& out) const {
  out.committed = committed();
  out.ticks = ticks_.load(std::memory_order_relaxed);
  out.caller_ticks = caller_ticks_.load(std::memory_order_relaxed);
  out.attempts = attempts_.load(std::memory_order_relaxed);
  out.conflicts = conflicts_.load(std::memory_order_relaxed);
  out.fences = fences_.load(std::memory_order_relaxed);
  out.busy = busy_.load(std::memory_order_relaxed);
  out.held = Duration(static_cast<Duration::rep>(held_ns_.load(std::memory_order_relaxed)));
  for (std::size_t i = 0; i < kTickEndCount; ++i) {
    out.tick_ends[i] = tick_ends_[i].load(std::memory_order_relaxed);
  }
  out.hold_ns = hold_.snapshot();
  out.log.closing_hold_ns = closing_hold_.snapshot();
  out.log.closings = out.log.closing_hold_ns.count();
  out.units_per_tick = units_.snapshot();
  out.bytes_per_tick = bytes_.snapshot();
  const std::scoped_lock lock(mutex_);
  out.overlong_steps = overlong_steps_;
  out.longest_step = longest_step_;
  out.longest_step_time = longest_step_time_;
  out.tick = tick_;
  out.tick_changes = tick_changes_;
}

}  // namespace onelane::inline v0::engine
