#include "src/engine/core.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "src/base/memory.h"
#include "src/base/uncancelled.h"
#include "src/engine/migrating.h"
#include "src/engine/patience.h"
#include "src/engine/refusals.h"
#include "src/model/limits.h"

namespace onelane::inline v0::detail {

using engine::ClassLane;

namespace {

JournalOptions with_tick(JournalOptions options) {
  options.tick = model::tick_of(options);
  return options;
}

std::uint64_t epoch_of(Sink& sink) {
  Watermark* const watermark = sink.watermark();
  return watermark == nullptr ? 0 : watermark->epoch();
}

std::shared_ptr<const Clock> clock_or_default(const JournalOptions& options) {
  if (options.clock != nullptr) return options.clock;
  return {std::shared_ptr<const Clock>(), &steady_clock()};
}

// ok, unless the journal is closed or poisoned. A store that takes no commits is no reason.
Status over(const engine::LaneState& state) {
  Status why = state.entrance();
  const bool for_good = why.code() == Errc::closed || why.code() == Errc::poisoned;
  return for_good ? why : Status();
}

// Runs set() in the lane. The lane may sleep until a time that followed from the old values.
template <class Set>
Status change(engine::Turn& turn, const engine::LaneState& state, const Set& set) {
  Status why = turn.enter([&](ack::Wakes& /*wakes*/) {
    const Status gone = over(state);
    return gone.ok() ? set() : gone;
  });
  if (why.ok()) turn.wake();
  return why;
}

// ok, or which option differs that the class was built on.
Status stays(const ClassLane& lane, const ClassOptions& options) {
  const auto refused = [&](const char* option, const std::string& value, const std::string& was) {
    return Status(Errc::invalid_argument, "class \"" + lane.name + "\": " + option + " is " +
                                              value + "; it stays " + was +
                                              ", as the class was added");
  };
  const auto word = [](bool value) { return value ? "true" : "false"; };
  const bool intake = lane.journaled != nullptr;
  if (options.name != lane.name) {
    return refused("name", "\"" + options.name + "\"", "\"" + lane.name + "\"");
  }
  if (options.coalesce != lane.coalesces) {
    return refused("coalesce", word(options.coalesce), word(lane.coalesces));
  }
  if (options.intake != intake) return refused("intake", word(options.intake), word(intake));
  return {};
}

// Null where nothing is to be recorded.
Result<std::unique_ptr<engine::Tracer>> make_tracer(const JournalOptions& options) {
  if (options.trace.path.empty()) return std::unique_ptr<engine::Tracer>();
  return base::sheltered(
      [&] { return engine::Tracer::open(with_tick(options), *clock_or_default(options)); });
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
  Result<std::unique_ptr<engine::Tracer>> tracer = make_tracer(options);
  const Status untraced = tracer.status();
  std::shared_ptr<Core> core(
      new Core(std::move(sink), options, tracer.ok() ? *std::move(tracer) : nullptr),
      CoreDeleter());
  const Status why = base::sheltered([&] {
    Status begun = untraced.ok() ? core->reopen() : untraced;
    if (begun.ok()) begun = core->migrate();
    if (options.drive == Drive::manual) return begun;
    if (begun.ok() && core->tracer_ != nullptr) begun = core->tracer_->start();
    if (begun.ok()) begun = core->turn_.start();
    return begun;
  });
  if (!why.ok()) {
    if (forgo != nullptr) forgo(*core->sink_);
    (void)core->close(Duration(0));  // what is started, and the database
    if (core->tracer_ != nullptr) core->tracer_->discard();
    return why;
  }
  return core;
}

Core::Core(std::unique_ptr<Sink> sink, const JournalOptions& options,
           std::unique_ptr<engine::Tracer> tracer)
    : options_(with_tick(options)),
      clock_(clock_or_default(options)),
      sink_(std::move(sink)),
      tracer_(std::move(tracer)),
      attribution_(lanes_, sites_, sink_->commit_is_durable(), clock_->now()),
      recorder_(options_.tick),
      durability_(*sink_, recorder_, *clock_),
      log_({.log = sink_->log(), .state = state_, .clock = *clock_},
           {.limit = options_.wal_limit_bytes,
            .hold = options_.tick.hold,
            .commits_sync = sink_->commit_is_durable()}),
      segment_names_(lanes_, statements_),
      segments_(
          {.lanes = lanes_, .recorder = recorder_, .durability = durability_, .clock = *clock_}),
      events_(options_.on_event),
      pen_({.lanes = lanes_, .state = state_, .keeper = segments_, .clock = *clock_}, options_),
      pipeline_({.sink = *sink_,
                 .clock = *clock_,
                 .lanes = lanes_,
                 .state = state_,
                 .recorder = recorder_,
                 .attribution = attribution_,
                 .durability = durability_,
                 .positions = make_positions(),
                 .tracer = tracer_.get()},
                options_),
      turn_({.pipeline = pipeline_,
             .lanes = lanes_,
             .state = state_,
             .durability = durability_,
             .log = log_,
             .pen = pen_,
             .segments = segments_,
             .events = events_,
             .clock = *clock_,
             .tracer = tracer_.get(),
             .at_server = sink_->server_side() != nullptr},
            options_),
      admission_({.lanes = lanes_,
                  .sites = sites_,
                  .statements = statements_,
                  .state = state_,
                  .turn = turn_,
                  .pen = pen_,
                  .durability = durability_,
                  .clock = *clock_},
                 options_),
      waiting_({.lanes = lanes_,
                .state = state_,
                .admission = admission_,
                .turn = turn_,
                .pen = pen_,
                .segments = segments_,
                .pipeline = pipeline_,
                .durability = durability_,
                .recorder = recorder_,
                .clock = *clock_},
               options_),
      // The sink must not be asked once it is closed, but for its server's side.
      statistics_({.lanes = lanes_,
                   .sites = sites_,
                   .attribution = attribution_,
                   .state = state_,
                   .recorder = recorder_,
                   .durability = durability_,
                   .log = log_,
                   .pen = pen_,
                   .turn = turn_,
                   .tracer = tracer_.get(),
                   .server = sink_->server_side(),
                   .clock = *clock_},
                  clock_->now(), epoch_of(*sink_)) {
  if (tracer_ != nullptr) tracer_->use(sites_);
}

engine::Positions* Core::make_positions() {
  AppliedPositions* const store = sink_->applied_positions();
  if (store == nullptr) return nullptr;
  return &positions_.emplace(*store, [this](std::uint16_t number) {
    return std::string_view(statements_.spec(number).sql);
  });
}

// --- The intake.

// What an opening finds is applied, whether or not a class will have an intake.
Status Core::reopen() {
  Result<engine::FoundIntake> found =
      engine::Reopening(*sink_, statements_, *clock_, options_.intake).run();
  if (!found) return found.status();
  found_ = *std::move(found);
  statistics_.replayed({.units = found_.replayed, .letters = found_.letters, .took = found_.took});
  return {};
}

Status Core::migrate() {
  return engine::Migrating({.sink = *sink_, .recorder = recorder_, .clock = *clock_})
      .run(options_.migrations);
}

Status Core::may_have_intake(const ClassOptions& options) const {
  const auto refused = [&](const char* why) {
    return Status(Errc::invalid_argument, "class \"" + options.name + "\": " + why);
  };
  if (!options.intake) return {};
  if (positions_ == std::nullopt) return refused("the sink keeps no positions for an intake");
  if (options_.intake.folder.empty()) return refused("IntakeOptions::folder names no folder");
  if (!sink_->applied_positions()->buries()) {
    return refused("IntakeOptions::dead_letters names no table for what the database refuses");
  }
  if (!durability_.possible()) return refused("the sink cannot make a commit durable");
  return {};
}

// With the first class that has one. The database knows of it before the first group is written.
Status Core::open_intake() {
  if (pen_.is_open()) return {};
  if (found_.folder == nullptr) {
    Result<std::unique_ptr<intake::Folder>> made = intake::storage().make(options_.intake.folder);
    if (!made) return made.status();
    Result<std::unique_ptr<intake::FolderLock>> lock = (*made)->lock();
    if (!lock) return lock.status();
    found_.folder = *std::move(made);
    found_.lock = *std::move(lock);
  }
  const intake::Contents* const left = found_.contents.get();
  const intake::Uuid uuid = left != nullptr ? *left->uuid() : intake::make_uuid();
  Result<std::unique_ptr<intake::Intake>> made =
      intake::Intake::open({.folder = std::move(found_.folder),
                            .lock = std::move(found_.lock),
                            .uuid = uuid,
                            .limits = {.segment_bytes = options_.intake.segment_bytes,
                                       .most_bytes = options_.intake.most_bytes}},
                           segment_names_, left);
  if (!made) return made.status();
  if (Status why = begin_intake(**made); !why.ok()) return why;
  return pen_.open(*std::move(made));
}

// A crash before the database knows of it leaves an intake without units, which nobody misses.
Status Core::begin_intake(intake::Intake& made) {
  std::vector<intake::Intake::KnownClass> known;
  for (const FoundProgress& each : found_.classes) {
    known.push_back({.name = each.name, .newest = found_.newest(each.name)});
  }
  if (Status why = made.begin(known); !why.ok()) return why;
  AppliedPositions& store = *sink_->applied_positions();
  const IntakeMark mark{.uuid = made.uuid()};
  if (Status why = store.set_mark(mark); !why.ok()) return why;
  if (const std::uint64_t commit = recorder_.count_commit(); !durability_.fence(commit)) {
    return durability_.lost(commit);
  }
  found_.mark = mark;
  Result<std::vector<FoundProgress>> classes = store.found();
  if (!classes) return classes.status();
  found_.classes = *std::move(classes);
  return {};
}

void Core::begin_journaling(ClassLane& lane) {
  if (lane.journaled == nullptr) return;
  engine::JournaledClass& journaled = *lane.journaled;
  for (const FoundProgress& each : found_.classes) {
    if (each.name == lane.name) journaled.applied.start(each.position, each.waiting);
  }
  journaled.newest.store(found_.newest(lane.name));
}

// ok, or why the intake did not end in good order; then the next opening applies what is left.
Status Core::end_intake() {
  if (!found_.mark || !state_.first_error().ok()) return {};
  for (const auto& lane : lanes_.all()) {
    if (lane->tally.ended(static_cast<std::size_t>(End::carried)) != 0) return {};
  }
  if (Status why = pen_.seal(); !why.ok()) return why;
  IntakeMark mark = *found_.mark;
  mark.clean = true;
  return sink_->applied_positions()->set_mark(mark);
}

// --- Classes and statements.

Result<std::uint32_t> Core::add_class(const ClassOptions& options) {
  if (Status why = turn_.may_enter("add_class"); !why.ok()) return why;
  if (Status why = validate(options); !why.ok()) return why;
  return turn_.enter([&](ack::Wakes& /*wakes*/) -> Result<std::uint32_t> {
    if (Status why = state_.entrance(); !why.ok()) return why;
    for (const auto& lane : lanes_.all()) {
      if (lane->name != options.name) continue;
      return Status(Errc::invalid_argument, "class \"" + options.name + "\" exists already");
    }
    const std::uint32_t count = lanes_.count();
    if (count == kClassesMax) {
      return Status(Errc::invalid_argument, "class \"" + options.name + "\" would be number " +
                                                std::to_string(count + 1) + "; at most " +
                                                std::to_string(kClassesMax) + " are allowed");
    }
    if (Status why = may_have_intake(options); !why.ok()) return why;
    auto lane = std::make_unique<ClassLane>(count, options, pipeline_.tick_budget(), sites_);
    if (options.intake) {
      if (Status why = open_intake(); !why.ok()) return why;
      begin_journaling(*lane);
    }
    Status why = pipeline_.add_class(std::move(lane));
    if (!why.ok()) return why;
    return count;
  });
}

Status Core::set_class(std::uint32_t klass, const ClassOptions& options) {
  if (Status why = turn_.may_enter("set_class"); !why.ok()) return why;
  if (Status why = stays(lanes_[klass], options); !why.ok()) return why;
  if (Status why = validate(options); !why.ok()) return why;
  return change(turn_, state_, [&] { return pipeline_.set_class(klass, options); });
}

Status Core::set_tick(const Budget& tick) {
  if (Status why = turn_.may_enter("set_tick"); !why.ok()) return why;
  JournalOptions options;
  options.tick = tick;
  if (Status why = validate(options); !why.ok()) return why;
  return change(turn_, state_, [&] {
    const Budget whole = model::tick_of(options);
    Status why = pipeline_.set_tick(whole);
    if (why.ok()) log_.set_hold(whole.hold);
    return why;
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
  if (Status why = over(state_); !why.ok()) return why;
  return report;
}

CloseReport Core::close(Duration timeout) {
  if (Status why = turn_.may_wait("close"); !why.ok()) return {.ends = {}, .status = why};
  const base::Uncancelled uncancelled;
  const std::scoped_lock lock(close_mutex_);
  if (!closed_) {
    const engine::Turn::Closer closer(turn_);
    closed_ = close_once(timeout);
  }
  return *closed_;
}

CloseReport Core::close_once(Duration timeout) {
  turn_.enter([this](ack::Wakes& /*wakes*/) {
    state_.close();  // no class is added any more
    return true;
  });
  turn_.stop_committer();
  const Status cut = drain(engine::after(clock_->now(), timeout));
  log_.stop();
  turn_.settle_rest();
  last_sync();
  pen_.stop();
  CloseReport report = turn_.enter_last([&](ack::Wakes& /*wakes*/) { return finish(cut); });
  events_.finish();
  return report;
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
  Status cut(Errc::timed_out, "the time given was over before the queues were drained");
  while (!turn_.enter([this](ack::Wakes& /*wakes*/) { return lanes_.drained(); })) {
    if (clock_->now() >= deadline) return cut;
    (void)pen_.run();
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
    (void)end_intake();
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
  pen_.close();
  if (tracer_ != nullptr) {
    const std::scoped_lock shared(lanes_);
    tracer_->close(lanes_);
  }
  found_ = {};
  // Whoever still pushes is refused before it comes to the queue.
  for (const auto& lane : lanes_.all()) lane->release_memory();
  memory_use_.reset();
  statistics_.end();
  return report;
}

}  // namespace onelane::inline v0::detail
