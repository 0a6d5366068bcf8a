#include "src/engine/core.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "src/base/memory.h"
#include "src/base/process.h"
#include "src/base/uncancelled.h"
#include "src/engine/patience.h"
#include "src/engine/refusals.h"

namespace onelane::inline v0::detail {

using engine::after;
using engine::ClassLane;
using engine::closed_status;
using engine::forked_status;
using engine::in_lane_status;
using engine::own_thread_status;

namespace {

std::shared_ptr<const Clock> clock_or_default(const JournalOptions& options) {
  if (options.clock != nullptr) return options.clock;
  return {std::shared_ptr<const Clock>(), &steady_clock()};
}

}  // namespace

// Holds the baton. Whoever lets go of it wakes the committer thread if there is something that it
// did not see: a caller that found the baton taken counts on that, since it rang no bell. Its push
// came before its try, which came before our letting go, so we see it. The thread is not cancelled
// meanwhile.
class Core::Turn {
 public:
  explicit Turn(Core& core) : core_(core) { core_.baton_.lock(); }
  Turn(Core& core, std::adopt_lock_t /*held*/) : core_(core) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    core_.baton_.unlock();
    if (core_.pending()) core_.worker_.bell().ring();
  }

 private:
  const base::Uncancelled uncancelled_;
  Core& core_;
};

// The one thread that closes. Others wait for it.
class Core::Closer {
 public:
  explicit Closer(Core& core) : core_(core) {
    std::unique_lock lock(core_.close_mutex_);
    core_.close_ended_.wait(lock, [&] { return core_.closer_.load() == std::thread::id(); });
    core_.closer_.store(std::this_thread::get_id());
  }
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;
  ~Closer() {
    const std::scoped_lock lock(core_.close_mutex_);
    core_.closer_.store(std::thread::id());
    core_.close_ended_.notify_all();
  }

 private:
  const base::Uncancelled uncancelled_;
  Core& core_;
};

struct CoreDeleter {
  void operator()(Core* core) const {
    if (core->forked()) return;
    delete core;
    const base::BlockPool::Use last;  // and with it goes what its last receipts had kept
  }
};

Result<std::shared_ptr<Core>> Core::make(std::unique_ptr<Sink> sink, const JournalOptions& options,
                                         Forgo forgo) {
  std::shared_ptr<Core> core(new Core(std::move(sink), options), CoreDeleter());
  Core* self = core.get();
  core->checkpointer_.use({
      .close_in = [self](Log& log) { return self->close_in(log); },
      .healthy =
          [self] { return self->intake_.load(std::memory_order_acquire) != Intake::poisoned; },
      .poison = [self](const Status& cause) { self->fail(cause); },
  });
  core->syncer_.use([self](const Status& cause) { self->fail(cause); });
  if (core->sink_->commit_is_durable()) {
    core->pipeline_.use_sync([](std::uint64_t) { return Status(); });
  } else if (core->sink_->commit_sync() != nullptr) {
    core->pipeline_.use_sync([self](std::uint64_t commit) {
      return self->syncer_.wait(commit, std::nullopt, engine::Syncs::in_lane);
    });
  }
  if (options.drive == Drive::manual) return core;
  if (Status why = core->start_threads(); !why.ok()) {
    if (forgo != nullptr) forgo(*core->sink_);
    (void)core->close(Duration(0));  // what is started, and the database
    return why;
  }
  return core;
}

Status Core::start_threads() {
  if (Status why = checkpointer_.start(); !why.ok()) return why;
  if (Status why = syncer_.start(); !why.ok()) return why;
  return worker_.start({
      .tick = [this] { return run_ticks(); },
      .pending = [this] { return pending(); },
      .now = [this] { return clock_->now(); },
  });
}

Core::Core(std::unique_ptr<Sink> sink, const JournalOptions& options)
    : options_(options),
      clock_(clock_or_default(options)),
      opened_(clock_->now()),
      sink_(std::move(sink)),
      epoch_(sink_->watermark() == nullptr ? 0 : sink_->watermark()->epoch()),
      pipeline_(*sink_, *clock_, options_),
      checkpointer_(sink_->log(), *clock_, options_.wal_limit),
      syncer_(sink_->commit_sync(), pipeline_.recorder(), *clock_) {}

Status Core::closed_entrance() const {
  const std::scoped_lock lock(state_mutex_);
  return intake_status_;
}

Status Core::may_take_lane(const char* call) const {
  if (forked()) return forked_status();
  return baton_.mine() ? in_lane_status(call) : Status();
}

Status Core::may_wait(const char* call) const {
  if (Status why = may_take_lane(call); !why.ok()) return why;
  if (awaits_itself()) [[unlikely]]
    return own_thread_status(call);
  return {};
}

// Asked before anything is pushed, whose outcome would then be missed.
Status Core::may_write() const {
  if (Status why = may_wait("write"); !why.ok()) return why;
  if (options_.drive == Drive::thread) return {};
  return {Errc::would_block, "a manual journal runs no tick by itself: submit, tick, then poll"};
}

// --- Classes and statements.

Result<std::uint32_t> Core::add_class(const ClassOptions& options) {
  if (Status why = may_take_lane("add_class"); !why.ok()) return why;
  if (Status why = validate(options); !why.ok()) return why;
  const Turn turn(*this);
  if (Status why = entrance(); !why.ok()) return why;
  const std::uint32_t count = classes();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (lanes_[i]->options.name != options.name) continue;
    return Status(Errc::invalid_argument, "class \"" + options.name + "\" exists already");
  }
  if (count == kClassesMax) {
    return Status(Errc::invalid_argument, "class \"" + options.name + "\" would be number " +
                                              std::to_string(count + 1) + "; at most " +
                                              std::to_string(kClassesMax) + " are allowed");
  }
  auto lane = std::make_unique<ClassLane>(count, options, options_.tick);
  if (Status why = pipeline_.add_class(*lane); !why.ok()) return why;
  lanes_[count] = std::move(lane);
  class_count_.store(count + 1, std::memory_order_release);
  return count;
}

Result<Statement> Core::add_statement(const StatementSpec& spec) {
  if (Status why = may_take_lane("add_statement"); !why.ok()) return why;
  if (Status why = engine::check_spec(spec); !why.ok()) return why;
  const Turn turn(*this);
  if (Status why = entrance(); !why.ok()) return why;
  if (const auto known = statements_.find(spec)) return *known;
  if (statements_.full()) {
    return Status(
        Errc::invalid_argument,
        "a journal keeps at most " + std::to_string(kStatementsMax) + " statements: " + spec.sql);
  }
  statements_.prepare(spec);
  if (Status why = sink_->add_statement(spec); !why.ok()) return why;
  return statements_.add();
}

// --- Ticks and the thread that runs them.

// Runs ticks on the thread of the caller who waits for this entry, if the lane is idle.
void Core::lend_thread(const Entry& entry, Promise promise, std::optional<Duration> patience) {
  if (!baton_.try_lock()) return;
  std::uint64_t commit = 0;  // that the caller waits to be durable
  {
    ack::Wakes wakes;  // fired after the baton was let go
    const Turn turn(*this, std::adopt_lock);
    // How long the store's failures take nobody can predict.
    if (patience && !pipeline_.stalled().ok()) return;
    TickReport report = tick_and_sync({.lends_thread = true, .patience = patience}, wakes);
    if (promise == Promise::durable && entry.settled()) commit = ack::commit_of(entry);
    if (!patience) report = lend_until_durable(commit, report, wakes);
    if (report.more || report.next) worker_.bell().wake();
  }
  // Others may wait for a sync of what was committed here. A caller whose own commit is to be
  // synced syncs, or waits for whoever does, who looks again afterwards for what is wanted.
  if (commit <= syncer_.durable()) syncer_.nudge();
}

// Who waits for a sync that runs commits what was pushed meanwhile, unless that takes longer than a
// sync: waking the committer thread for it costs as much as a small tick.
TickReport Core::lend_until_durable(std::uint64_t commit, TickReport report, ack::Wakes& wakes) {
  while (report.units != 0 && wakes.empty() && !baton_.awaited() && pending()) {
    const std::optional<Duration> sync = syncer_.sync_before(commit);
    if (!sync) break;
    report = tick_and_sync({.lends_thread = true, .patience = sync}, wakes);
  }
  return report;
}

// A tick, and the sync that a crowd waits for, unless units are staged or to be told of that need
// none, or a caller lends its thread for a limited time.
TickReport Core::tick_and_sync(const engine::Runner& runner, ack::Wakes& wakes) {
  const TickReport report = pipeline_.tick(runner, wakes);
  note_state(wakes);
  if (runner.patience || !wakes.empty() || !pipeline_.only_durable()) return report;
  if (const Status failed = syncer_.sync_for_crowd(wakes); !failed.ok()) {
    pipeline_.fail(failed, wakes);
    note_state(wakes);
  }
  return report;
}

TickReport Core::run_tick() {
  TickReport report;
  {
    ack::Wakes wakes;  // fired after the baton was let go
    const Turn turn(*this);
    report = pipeline_.tick({}, wakes);
    note_state(wakes);
  }
  if (options_.drive == Drive::manual) {
    syncer_.sync_all();
    checkpointer_.run_due();
  } else {
    syncer_.nudge();
  }
  return report;
}

engine::Closing Core::close_in(Log& log) {
  const Turn turn(*this);
  return pipeline_.close_in(log);
}

void Core::fail(const Status& cause) {
  ack::Wakes wakes;
  const Turn turn(*this);
  pipeline_.fail(cause, wakes);
  note_state(wakes);
}

// The committer thread's: keeps the baton while there is more to do and nobody queues for it. If
// it let go between ticks, a caller that was just woken would take the next one, and each would
// have to be woken by the other.
TickReport Core::run_ticks() {
  ack::Wakes wakes;  // of the last tick: fired after the baton was let go
  baton_.lock_giving_way();
  const Turn turn(*this, std::adopt_lock);
  for (;;) {
    const TickReport report = tick_and_sync({}, wakes);
    syncer_.nudge();
    const bool more = report.more || pending();  // half of a crowd pushes during the sync
    if (!more || report.units == 0 || baton_.awaited() || worker_.stopping()) return report;
    // Closures, and whom to tell outside the lane: not under the baton.
    if (wakes.disposing() || wakes.outside_only()) return report;
    wakes.fire();
  }
}

bool Core::pending() const {
  if (pipeline_.starved()) return false;  // it is tried again in a while
  for (std::uint32_t i = 0; i < classes(); ++i) {
    if (lanes_[i]->pending()) return true;
  }
  return false;
}

// After a tick: who is to be told what, and whether intake goes on.
void Core::note_state(ack::Wakes& wakes) {
  checkpointer_.tick_ended();
  syncer_.tick_ended(wakes);
  if (options_.drive == Drive::thread) pipeline_.hold_back(checkpointer_.pause(options_.tick.hold));
  if (note_poison(wakes)) return;
  const Intake intake = intake_.load(std::memory_order_relaxed);
  if (intake == Intake::open && !pipeline_.stalled().ok()) {
    shut(Intake::stalled, pipeline_.stalled());
  } else if (intake == Intake::stalled && pipeline_.stalled().ok()) {
    const std::scoped_lock lock(state_mutex_);
    Intake expected = Intake::stalled;
    if (intake_.compare_exchange_strong(expected, Intake::open)) intake_status_ = {};
  }
}

// Whether there is any.
bool Core::note_poison(ack::Wakes& wakes) {
  if (pipeline_.poison().ok()) return false;
  if (intake_.load(std::memory_order_relaxed) != Intake::poisoned) {
    shut(Intake::poisoned, pipeline_.poison());
  }
  syncer_.end(pipeline_.poison(), wakes);
  return true;
}

void Core::shut(Intake intake, Status why) {
  const std::scoped_lock lock(state_mutex_);
  const Intake now = intake_.load(std::memory_order_relaxed);
  if (now == Intake::poisoned || (now == Intake::closed && intake == Intake::stalled)) return;
  if (intake == Intake::poisoned) poison_ = why;
  intake_status_ = std::move(why);
  intake_.store(intake, std::memory_order_release);
  if (intake == Intake::stalled) return;
  // Whoever is turned away from here on finds the reason.
  for (std::uint32_t i = 0; i < classes(); ++i) {
    lanes_[i]->queue.close();
    lanes_[i]->gate.close();
  }
}

// --- Ticks by hand, flush, close.

Result<TickReport> Core::tick() {
  if (Status why = may_take_lane("tick"); !why.ok()) return why;
  const TickReport report = run_tick();
  const Status why = entrance();
  if (why.code() == Errc::closed || why.code() == Errc::poisoned) return why;
  return report;
}

Result<std::uint64_t> Core::try_touch() {
  ack::Wakes wakes;
  const Turn turn(*this);
  if (Status why = entrance(); !why.ok()) return why;
  Status touched = pipeline_.touch(wakes);
  note_state(wakes);
  if (!touched.ok()) return touched;
  return pipeline_.recorder().committed();
}

Result<std::uint64_t> Core::commits_of(std::uint64_t epoch) {
  if (Status why = may_take_lane("commits_of"); !why.ok()) return why;
  const Turn turn(*this);
  if (Status why = entrance(); !why.ok()) return why;
  Watermark* const watermark = sink_->watermark();
  if (watermark != nullptr) return watermark->commits_of(epoch);
  return Status(Errc::invalid_argument, "the journal keeps no watermark");
}

CloseReport Core::close(Duration deadline) {
  if (Status why = may_wait("close"); !why.ok()) return {.ends = {}, .status = why};
  const Closer closer(*this);
  if (closed_) return *closed_;
  {
    const Turn turn(*this);  // no class is added any more
    shut(Intake::closed, closed_status());
  }
  worker_.stop();
  const Status cut = drain(after(clock_->now(), deadline));
  checkpointer_.stop();
  end_lane();
  settle_durable();
  closed_ = finish(cut);
  return *closed_;
}

void Core::leave_open(const std::shared_ptr<Core>& self) noexcept {
  self->left_open_ = self;
  self->shut(Intake::closed, closed_status());
}

// The last sync, for those who still wait for what was committed; on failure the lane is poisoned.
void Core::settle_durable() {
  const std::uint64_t commit = pipeline_.recorder().committed();
  if (commit > durable()) (void)syncer_.wait(commit, std::nullopt, engine::Syncs::by_caller);
  syncer_.stop();
}

// ok, or why it ended before all was drained.
Status Core::drain(TimePoint deadline) {
  Status cut(Errc::timed_out, "the deadline came before the queues were drained");
  for (;;) {
    {
      const Turn turn(*this);
      if (pipeline_.drained()) return {};
    }
    if (clock_->now() >= deadline) return cut;
    const TickReport report = run_tick();
    if (report.more || report.units != 0 || !report.next) {
      if (report.units == 0) std::this_thread::yield();  // a push that has not finished yet
      continue;
    }
    if (options_.drive == Drive::manual) return cut;
    const Duration pause = std::min(*report.next, deadline) - clock_->now();
    worker_.bell().sleep([] { return false; }, std::max(Duration(0), pause));
  }
}

// Settles what is left, pushes under way included, while what is unknown may still be synced.
void Core::end_lane() {
  ack::Wakes wakes;
  const Turn turn(*this);
  pipeline_.end(pipeline_.stalled().ok() ? closed_status() : pipeline_.stalled());
  while (!pipeline_.drained()) {
    pipeline_.tick({}, wakes);
    std::this_thread::yield();
  }
  syncer_.tick_ended(wakes);  // a job that is cut may have committed steps
  (void)note_poison(wakes);   // of a fence
}

CloseReport Core::finish(const Status& cut) {
  const Turn turn(*this);
  CloseReport report;
  for (std::uint32_t i = 0; i < classes(); ++i) {
    for (std::size_t end = 0; end < kEndCount; ++end)
      report.ends[end] += lanes_[i]->tally.ended(end);
  }
  const bool healthy = pipeline_.poison().ok();
  const Status sink_closed = base::sheltered([&] {
    Status closed = sink_->close(healthy ? CloseMode::healthy : CloseMode::poisoned);
    if (Log* log = sink_->log(); log != nullptr && healthy) {
      report.log = log->left();
      checkpointer_.closed(report.log);
    }
    return closed;
  });
  report.status = !healthy                    ? pipeline_.poison()
                  : !pipeline_.stalled().ok() ? pipeline_.stalled()
                                              : cut;
  if (report.status.ok()) report.status = sink_closed;
  // Whoever still pushes is refused before it comes to the queue.
  for (std::uint32_t i = 0; i < classes(); ++i) lanes_[i]->release_memory();
  memory_use_.reset();
  const std::scoped_lock lock(state_mutex_);
  ended_ = clock_->now();
  return report;
}

JournalStats Core::stats() const {
  JournalStats out;
  if (forked()) return out;  // a thread that is not here any more may have had a lock
  const std::uint32_t count = classes();
  for (std::uint32_t i = 0; i < count; ++i) out.classes.push_back(lanes_[i]->stats(count - 1));
  pipeline_.recorder().snapshot(out);
  checkpointer_.snapshot(out.log);
  out.durable = durable();
  out.epoch = epoch_;
  out.sync = syncer_.sync_times();
  const std::scoped_lock lock(state_mutex_);
  out.poison = poison_;
  out.open = ended_.value_or(clock_->now()) - opened_;
  if (out.open > Duration(0)) {
    out.occupancy = static_cast<double>(out.held.count()) / static_cast<double>(out.open.count());
  }
  return out;
}

}  // namespace onelane::inline v0::detail
