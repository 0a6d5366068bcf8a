#include "src/engine/turn.h"

#include <algorithm>

#include "src/engine/refusals.h"

namespace onelane::engine {

Turn::Turn(const Parts& parts, const JournalOptions& options) : with_(parts), options_(options) {
  const auto fail = [this](const Status& cause) {
    hold([&](ack::Wakes& wakes) {
      with_.pipeline.fail(cause, wakes);
      return true;
    });
  };
  with_.durability.use(fail);
  with_.log.use({
      .close_in =
          [this](Log& log) {
            return hold([&](ack::Wakes& /*wakes*/) { return with_.pipeline.close_in(log); });
          },
      .poison = fail,
  });
}

Status Turn::start() {
  if (Status why = with_.log.start(); !why.ok()) return why;
  if (Status why = with_.durability.start(); !why.ok()) return why;
  return committer_.start(
      {.step = [this] { return run(); }, .pending = [this] { return pending(); }});
}

// --- Who enters.

// The committer thread. If it let go between ticks, a caller that was just woken would take the
// next one, and each would have to be woken by the other.
std::optional<Thread::Sleep> Turn::run() {
  baton_.lock_giving_way();
  const TickReport report = stay([this](ack::Wakes& wakes) { return run_while_more(wakes); });
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
    sync_for_crowd({}, wakes);
    with_.durability.nudge();
    const bool more = report.more || pending();  // half of a crowd pushes during the sync
    if (!more || report.units == 0 || baton_.awaited() || committer_.stopping()) return report;
    // Closures, and whom to tell outside the lane: not under the baton.
    if (wakes.disposing() || wakes.outside_only()) return report;
    wakes.fire();
  }
}

TickReport Turn::tick() {
  baton_.lock();
  const TickReport report = stay([this](ack::Wakes& wakes) { return run_tick({}, wakes); });
  if (options_.drive == Drive::manual) {
    with_.durability.sync_all();
    with_.log.run_due();
  } else {
    with_.durability.nudge();
  }
  return report;
}

// Others may wait for a sync of what was committed here. A caller whose own commit is to be synced
// syncs, or waits for whoever does, who looks again afterwards for what is wanted.
void Turn::lend(const detail::Entry& entry, Promise promise, std::optional<Duration> patience) {
  if (!baton_.try_lock()) return;
  const std::uint64_t commit =
      stay([&](ack::Wakes& wakes) { return run_for(entry, promise, patience, wakes); });
  if (commit <= with_.durability.durable()) with_.durability.nudge();
}

// Returns the commit that the caller goes on to wait for to be durable, or 0. Who waits for a sync
// that runs commits what was pushed meanwhile, unless that takes longer than a sync: waking the
// committer thread for it costs as much as a small tick.
std::uint64_t Turn::run_for(const detail::Entry& entry, Promise promise,
                            std::optional<Duration> patience, ack::Wakes& wakes) {
  // How long the store's failures take nobody can predict.
  if (patience && !with_.state.stall_cause().ok()) return 0;
  Runner runner{.lends_thread = true, .patience = patience};
  TickReport report = run_tick(runner, wakes);
  sync_for_crowd(runner, wakes);
  std::uint64_t commit = 0;
  if (promise == Promise::durable && entry.settled()) commit = ack::commit_of(entry);
  while (!patience && report.units != 0 && wakes.empty() && !baton_.awaited() && pending()) {
    runner.patience = with_.durability.sync_before(commit);
    if (!runner.patience) break;
    report = run_tick(runner, wakes);
  }
  if (report.more || report.next) committer_.wake();
  return commit;
}

void Turn::end() {
  hold([this](ack::Wakes& wakes) {
    with_.state.end();
    while (!with_.lanes.drained()) {
      run_tick({}, wakes);
      std::this_thread::yield();
    }
    return true;
  });
}

// --- What follows, and how it is left.

TickReport Turn::run_tick(const Runner& runner, ack::Wakes& wakes) {
  const TickReport report = with_.pipeline.tick(runner, wakes);
  follow(wakes);
  return report;
}

void Turn::follow(ack::Wakes& wakes) {
  with_.log.tick_ended();
  with_.durability.tick_ended(wakes);
  if (options_.drive == Drive::thread) {
    with_.pipeline.hold_back(with_.log.pause(options_.tick.hold));
  }
  if (!with_.state.shut()) return;
  with_.lanes.shut();  // whoever is turned away from here on finds the reason
  if (with_.state.poisoned()) with_.durability.end(with_.state.first_error(), wakes);
}

// Not while units are staged, or to be told of, that need no sync; nor on the thread of a caller
// that has no time for it.
void Turn::sync_for_crowd(const Runner& runner, ack::Wakes& wakes) {
  if (runner.patience || !wakes.empty() || !with_.lanes.only_durable()) return;
  const Status failed = with_.durability.sync_for_crowd(wakes);
  if (failed.ok()) return;
  with_.pipeline.fail(failed, wakes);
  follow(wakes);
}

void Turn::leave(ack::Wakes& wakes) {
  baton_.unlock();
  if (pending()) committer_.ring();
  wakes.fire();
}

// --- Who may not.

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
         closer_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

}  // namespace onelane::engine
