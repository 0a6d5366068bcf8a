#include "src/engine/core.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "src/base/memory.h"
#include "src/base/uncancelled.h"
#include "src/engine/patience.h"
#include "src/engine/refusals.h"

namespace onelane::inline v0::detail {

using engine::ClassLane;

namespace {

std::shared_ptr<const Clock> clock_or_default(const JournalOptions& options) {
  if (options.clock != nullptr) return options.clock;
  return {std::shared_ptr<const Clock>(), &steady_clock()};
}

}  // namespace

struct CoreDeleter {
  void operator()(Core* core) const {
    if (core->turn_.forked()) return;
    delete core;
    const base::BlockPool::Use last;  // and with it goes what its last receipts had kept
  }
};

Result<std::shared_ptr<Core>> Core::make(std::unique_ptr<Sink> sink, const JournalOptions& options,
                                         Forgo forgo) {
  std::shared_ptr<Core> core(new Core(std::move(sink), options), CoreDeleter());
  if (options.drive == Drive::manual) return core;
  if (Status why = core->turn_.start(); !why.ok()) {
    if (forgo != nullptr) forgo(*core->sink_);
    (void)core->close(Duration(0));  // what is started, and the database
    return why;
  }
  return core;
}

Core::Core(std::unique_ptr<Sink> sink, const JournalOptions& options)
    : options_(options),
      clock_(clock_or_default(options)),
      opened_(clock_->now()),
      sink_(std::move(sink)),
      epoch_(sink_->watermark() == nullptr ? 0 : sink_->watermark()->epoch()),
      durability_(*sink_, recorder_, *clock_),
      log_({.log = sink_->log(), .state = state_, .clock = *clock_},
           {.limit = options_.wal_limit,
            .hold = options_.tick.hold,
            .commits_sync = sink_->commit_is_durable()}),
      pipeline_({.sink = *sink_,
                 .clock = *clock_,
                 .lanes = lanes_,
                 .state = state_,
                 .recorder = recorder_,
                 .durability = durability_},
                options_),
      turn_({.pipeline = pipeline_,
             .lanes = lanes_,
             .state = state_,
             .durability = durability_,
             .log = log_,
             .clock = *clock_},
            options_),
      admission_({.lanes = lanes_,
                  .statements = statements_,
                  .state = state_,
                  .turn = turn_,
                  .durability = durability_,
                  .clock = *clock_},
                 options_),
      waiting_({.lanes = lanes_,
                .state = state_,
                .admission = admission_,
                .turn = turn_,
                .pipeline = pipeline_,
                .durability = durability_,
                .recorder = recorder_,
                .clock = *clock_},
               options_) {}

// --- Classes and statements.

Result<std::uint32_t> Core::add_class(const ClassOptions& options) {
  if (Status why = turn_.may_enter("add_class"); !why.ok()) return why;
  if (Status why = validate(options); !why.ok()) return why;
  return turn_.enter([&](ack::Wakes& /*wakes*/) -> Result<std::uint32_t> {
    if (Status why = state_.entrance(); !why.ok()) return why;
    for (const auto& lane : lanes_.all()) {
      if (lane->options.name != options.name) continue;
      return Status(Errc::invalid_argument, "class \"" + options.name + "\" exists already");
    }
    const std::uint32_t count = lanes_.count();
    if (count == kClassesMax) {
      return Status(Errc::invalid_argument, "class \"" + options.name + "\" would be number " +
                                                std::to_string(count + 1) + "; at most " +
                                                std::to_string(kClassesMax) + " are allowed");
    }
    Status why = pipeline_.add_class(std::make_unique<ClassLane>(count, options, options_.tick));
    if (!why.ok()) return why;
    return count;
  });
}

Result<Statement> Core::add_statement(const StatementSpec& spec) {
  if (Status why = turn_.may_enter("add_statement"); !why.ok()) return why;
  if (Status why = engine::check_spec(spec); !why.ok()) return why;
  return turn_.enter([&](ack::Wakes& /*wakes*/) -> Result<Statement> {
    if (Status why = state_.entrance(); !why.ok()) return why;
    if (const auto known = statements_.find(spec)) return *known;
    if (statements_.full()) {
      return Status(
          Errc::invalid_argument,
          "a journal keeps at most " + std::to_string(kStatementsMax) + " statements: " + spec.sql);
    }
    statements_.prepare(spec);
    if (Status why = sink_->add_statement(spec); !why.ok()) return why;
    return statements_.add();
  });
}

Result<std::uint64_t> Core::commits_of(std::uint64_t epoch) {
  if (Status why = turn_.may_enter("commits_of"); !why.ok()) return why;
  return turn_.enter([&](ack::Wakes& /*wakes*/) -> Result<std::uint64_t> {
    if (Status why = state_.entrance(); !why.ok()) return why;
    Watermark* const watermark = sink_->watermark();
    if (watermark != nullptr) return watermark->commits_of(epoch);
    return Status(Errc::invalid_argument, "the journal keeps no watermark");
  });
}

// --- Ticks by hand, close.

Result<TickReport> Core::tick() {
  if (Status why = turn_.may_enter("tick"); !why.ok()) return why;
  const TickReport report = turn_.tick();
  const Status why = state_.entrance();
  if (why.code() == Errc::closed || why.code() == Errc::poisoned) return why;
  return report;
}

CloseReport Core::close(Duration deadline) {
  if (Status why = turn_.may_wait("close"); !why.ok()) return {.ends = {}, .status = why};
  const base::Uncancelled uncancelled;
  const std::scoped_lock lock(close_mutex_);
  if (!closed_) {
    const engine::Turn::Closer closer(turn_);
    closed_ = close_once(deadline);
  }
  return *closed_;
}

CloseReport Core::close_once(Duration deadline) {
  turn_.enter([this](ack::Wakes& /*wakes*/) {
    state_.close();  // no class is added any more
    return true;
  });
  turn_.stop_committer();
  const Status cut = drain(engine::after(clock_->now(), deadline));
  log_.stop();
  turn_.settle_rest();
  last_sync();
  return turn_.enter_last([&](ack::Wakes& /*wakes*/) { return finish(cut); });
}

void Core::leave_open(const std::shared_ptr<Core>& self) noexcept {
  self->left_open_ = self;
  self->state_.close();
  self->lanes_.shut();
}

// The last sync, for those who still wait for what was committed; on failure the lane is poisoned.
void Core::last_sync() {
  const std::uint64_t commit = recorder_.committed();
  if (commit > durability_.durable()) {
    (void)durability_.wait(commit, std::nullopt, engine::Syncer::waiter);
  }
  durability_.stop();
}

// ok, or why it ended before all was drained.
Status Core::drain(TimePoint deadline) {
  Status cut(Errc::timed_out, "the deadline came before the queues were drained");
  while (!turn_.enter([this](ack::Wakes& /*wakes*/) { return lanes_.drained(); })) {
    if (clock_->now() >= deadline) return cut;
    const TickReport report = turn_.tick();
    if (report.more || report.units != 0 || !report.next) {
      if (report.units == 0) std::this_thread::yield();  // a push that has not finished yet
      continue;
    }
    if (options_.drive == Drive::manual) return cut;
    const Duration pause = std::min(*report.next, deadline) - clock_->now();
    turn_.sleep(std::max(Duration(0), pause));
  }
  return {};
}

CloseReport Core::finish(const Status& cut) {
  CloseReport report;
  for (const auto& lane : lanes_.all()) {
    for (std::size_t end = 0; end < kEndCount; ++end) report.ends[end] += lane->tally.ended(end);
  }
  const Status poison = state_.first_error();
  const bool healthy = poison.ok();
  const Status sink_closed = base::sheltered([&] {
    Status closed = sink_->close(healthy ? CloseMode::healthy : CloseMode::poisoned);
    if (Log* log = sink_->log(); log != nullptr && healthy) {
      report.log = log->left();
      log_.closed(report.log);
    }
    return closed;
  });
  const Status stall = state_.stall_cause();
  report.status = !healthy ? poison : !stall.ok() ? stall : cut;
  if (report.status.ok()) report.status = sink_closed;
  // Whoever still pushes is refused before it comes to the queue.
  for (const auto& lane : lanes_.all()) lane->release_memory();
  memory_use_.reset();
  const std::scoped_lock lock(ended_mutex_);
  ended_ = clock_->now();
  return report;
}

JournalStats Core::stats() const {
  JournalStats out;
  if (turn_.forked()) return out;  // a thread that is not here any more may have had a lock
  const auto lanes = lanes_.all();
  const auto rivals = lanes.size() - 1;
  for (const auto& lane : lanes) out.classes.push_back(lane->stats(rivals));
  recorder_.snapshot(out);
  log_.snapshot(out.log);
  out.durable = durability_.durable();
  out.epoch = epoch_;
  out.sync = durability_.sync_times();
  out.poison = state_.first_error();
  const std::scoped_lock lock(ended_mutex_);
  out.open = ended_.value_or(clock_->now()) - opened_;
  if (out.open > Duration(0)) {
    out.occupancy = static_cast<double>(out.held.count()) / static_cast<double>(out.open.count());
  }
  return out;
}

}  // namespace onelane::inline v0::detail
