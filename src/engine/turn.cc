#include "src/engine/turn.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "src/base/memory.h"
#include "src/engine/refusals.h"

namespace onelane::inline v0::engine {

Turn::Turn(const Parts& parts, const JournalOptions& options)
    : with_(parts), options_(options), conditions_(parts.state, parts.log) {
  const auto fail = [this](const Status& cause) {
    enter([&](ack::Wakes& wakes) {
      with_.pipeline.fail(cause, wakes);
      return true;
    });
  };
  std::function<void(TimePoint, Duration)> synced;
  if (Tracer* const tracer = with_.tracer) {
    synced = [tracer](TimePoint began, Duration took) { tracer->synced(began, took); };
  }
  with_.durability.use(fail, std::move(synced));
  with_.log.use({
      .close_in =
          [this](Log& log) {
            return enter([&](ack::Wakes& /*wakes*/) { return with_.pipeline.close_in(log); });
          },
      .poison = fail,
  });
  with_.pen.use({.ring = [this] { ring(); }, .poison = fail});
  with_.segments.use({.go_on = [this] { with_.pen.go_on(); }, .poison = fail});
}

Status Turn::start() {
  if (Status why = with_.log.start(); !why.ok()) return why;
  if (Status why = with_.durability.start(); !why.ok()) return why;
  return committer_.start({.name = "onelane-commits",
                           .step = [this] { return run(); },
                           .pending = [this] { return pending(); }});
}

// --- Stays in the lane.

// If the thread gave the baton back between ticks, a caller that was just woken would take the next
// tick, and each would have to wake the other.
std::optional<Thread::Sleep> Turn::run() {
  baton_.lock_giving_way();
  TickReport report = stay([this](ack::Wakes& wakes) {
    TickReport last = run_while_more(wakes);
    look_again(last);
    return last;
  });
  if (report.more) {
    if (report.units == 0) std::this_thread::yield();  // a push that has not finished yet
    return std::nullopt;
  }
  Thread::Sleep sleep;
  if (report.next) sleep.at_most = std::max(Duration(0), *report.next - with_.clock.now());
  return sleep;
}

TickReport Turn::run_while_more(ack::Wakes& wakes) {
  for (;;) {
    const TickReport report = run_tick({}, wakes);
    with_.durability.nudge();
    const bool more = report.more || pending();
    if (!more || report.units == 0 || baton_.awaited() || committer_.stopping()) return report;
    // Closures are destroyed, coroutines posted and events told without the baton.
    if (wakes.disposing() || wakes.outside_only() || with_.events.pending()) return report;
    wakes.fire();
  }
}

TickReport Turn::tick() {
  const bool manual = options_.drive == Drive::manual;
  while (manual && with_.pen.run()) {
  }
  baton_.lock();
  TickReport report = stay([&](ack::Wakes& wakes) {
    TickReport last = run_tick({}, wakes);
    if (manual) look_again(last);
    return last;
  });
  if (manual) {
    with_.durability.sync_all();
    with_.log.run_due();
    const std::optional<TimePoint> again = with_.segments.keep();
    report.more = report.more || with_.pen.pending();
    if (again && with_.pen.holds_units())
      report.next = std::min(*again, report.next.value_or(*again));
  } else {
    with_.durability.nudge();
    // Not while it closes: then it is the caller who sleeps by that bell.
    if ((report.more || report.next) && !committer_.stopping()) committer_.wake();
  }
  return report;
}

// Other waiters may want a sync of this tick's commit. A caller whose own commit is to become
// durable runs that sync, or waits for the thread that runs one and then looks for further wanted
// commits.
void Turn::lend(const detail::Entry& entry, Promise promise, std::optional<Duration> patience) {
  if (!baton_.try_lock()) return;
  const std::uint64_t commit =
      stay([&](ack::Wakes& wakes) { return run_for(entry, promise, patience, wakes); });
  if (commit <= with_.durability.durable()) with_.durability.nudge();
}

// Returns the commit whose durability the caller goes on to wait for, or 0. While another thread's
// sync runs, the caller commits what is pushed meanwhile, unless that takes longer than a sync:
// waking the committer thread for it costs as much as a small tick.
std::uint64_t Turn::run_for(const detail::Entry& entry, Promise promise,
                            std::optional<Duration> patience, ack::Wakes& wakes) {
  // How long a failing store takes cannot be predicted, nor how long a server does.
  if (patience && (with_.at_server || !with_.state.stall_cause().ok())) return 0;
  Runner runner{.lends_thread = true, .patience = patience};
  TickReport report = run_tick(runner, wakes);
  std::uint64_t commit = 0;
  if (promise == Promise::durable && entry.settled()) commit = ack::commit_of(entry);
  while (!patience && report.units != 0 && wakes.empty() && !baton_.awaited() && pending()) {
    runner.patience = with_.durability.sync_time_if_waiting(commit);
    if (!runner.patience) break;
    report = run_tick(runner, wakes);
  }
  if (report.more || report.next || with_.events.take_begun()) committer_.wake();
  return commit;
}

// Not in one stay: who has the pen may need the lane, to poison it.
void Turn::settle_rest() {
  enter([this](ack::Wakes& /*wakes*/) {
    with_.state.end();
    return true;
  });
  const auto settle = [this](ack::Wakes& wakes) {
    if (!with_.lanes.drained()) run_tick({}, wakes);
    return with_.lanes.drained();
  };
  while (!enter(settle)) {
    (void)with_.pen.run();
    std::this_thread::yield();
  }
}

// --- Their steps.

TickReport Turn::run_tick(const Runner& runner, ack::Wakes& wakes) {
  if (options_.drive == Drive::thread) with_.pipeline.pace(with_.log.room());
  const bool gathers = with_.at_server && options_.drive == Drive::thread;
  if (gathers) await_returning();
  const TimePoint began = gathers ? with_.clock.now() : TimePoint();
  const TickReport report = with_.pipeline.tick(runner, wakes);
  follow(wakes);
  if (!gathers) return report;
  const TimePoint now = with_.clock.now();
  returning_.answered({.units = report.units,
                       .callers = wakes.count(),
                       .queued = with_.lanes.queued_records(),
                       .hold = now - began},
                      now);
  return report;
}

void Turn::await_returning() {
  constexpr std::chrono::microseconds kLookEvery(50);
  base::Parker rest;
  while (returning_.until(with_.lanes.queued_records(), with_.clock.now())) {
    if (baton_.awaited_in_turn() || committer_.stopping()) return;
    rest.park(kLookEvery);
  }
}

void Turn::follow(ack::Wakes& wakes) {
  const Duration pause = with_.log.tick_ended(with_.pipeline.take_held());
  if (options_.drive == Drive::thread) with_.pipeline.pause(pause);
  if (with_.tracer != nullptr) with_.tracer->followed(pause, with_.log.added());
  with_.durability.tick_ended(wakes);
  with_.pen.tick_ended();
  conditions_.tick_ended(with_.pipeline.locked_since(), pause, with_.clock);
  if (with_.events.wanted()) look_around();
  if (!with_.state.shut()) return;
  with_.pen.go_on();
  with_.lanes.shut();  // the reason is told already: a push that is turned away finds it
  if (with_.state.poisoned()) with_.durability.give_up(with_.state.first_error(), wakes);
}

// So that it is told in time that something is over, whatever else is to be done.
void Turn::look_again(TickReport& report) const {
  const std::optional<TimePoint> look = with_.events.next();
  if (look) report.next = std::min(report.next.value_or(*look), *look);
}

// What is so now of what an operator must know. A poisoned journal is not looked after any more.
void Turn::look_around() {
  const TimePoint now = with_.clock.now();
  constexpr std::array kInOrder = {Condition::poisoned, Condition::stalled, Condition::locked_out,
                                   Condition::log_pinned, Condition::held_back};
  for (const Condition each : kInOrder) {
    with_.events.say(each, conditions_.holds(each, now), now,
                     [&] { return conditions_.cause(each); });
    if (with_.state.poisoned()) return;
  }
}

void Turn::leave(ack::Wakes& wakes) {
  baton_.unlock();
  if (pending()) committer_.ring();
  wakes.fire();
  with_.events.tell();
}

// --- Calls that are refused.

Status Turn::may_enter(const char* call) const {
  if (forked()) return forked_status();
  return baton_.mine() ? in_lane_status(call) : Status();
}

Status Turn::may_wait(const char* call) const {
  if (Status why = may_enter(call); !why.ok()) return why;
  if (awaits_itself()) [[unlikely]]
    return own_thread_status(call);
  return {};
}

bool Turn::awaits_itself() const {
  return baton_.mine() || committer_.mine() || with_.log.mine() || with_.durability.mine() ||
         with_.pen.mine() || with_.events.mine() ||
         closer_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

}  // namespace onelane::inline v0::engine
