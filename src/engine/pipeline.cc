#include "src/engine/pipeline.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "src/base/check.h"
#include "src/base/memory.h"
#include "src/commit/sheltered.h"
#include "src/engine/probe.h"

namespace onelane::inline v0::engine {

using commit::Action;

namespace {

void earliest(std::optional<TimePoint>& first, std::optional<TimePoint> other) {
  if (other && (!first || *other < *first)) first = other;
}

}  // namespace

Pipeline::Pipeline(const Parts& parts, const JournalOptions& options)
    : sink_(parts.sink),
      clock_(parts.clock),
      lanes_(parts.lanes),
      state_(parts.state),
      recorder_(parts.recorder),
      attribution_(parts.attribution),
      positions_(parts.positions),
      tracer_(parts.tracer),
      committer_(parts.sink, parts.clock),
      recovery_(parts.sink, parts.lanes, parts.state),
      selection_(parts.lanes, recovery_, options),
      settlement_(parts.lanes, parts.recorder),
      fence_({.sink = parts.sink,
              .lanes = parts.lanes,
              .state = parts.state,
              .recorder = parts.recorder,
              .durability = parts.durability,
              .recovery = recovery_,
              .settlement = settlement_}) {
  committer_.use(positions_);
  committer_.use(&parts.state.when_shut());
}

// All memory first: then it is in all of them, or in none.
Status Pipeline::add_class(std::unique_ptr<ClassLane> lane) {
  lanes_.prepare();
  recovery_.prepare();
  if (tracer_ != nullptr) tracer_->prepare(lane->index);
  if (Status why = selection_.prepare(*lane); !why.ok()) return why;
  if (lane->journaled != nullptr) positions_->add_class(lane->index, lane->journaled.get());
  recovery_.add_class();
  selection_.add_class(*lane);
  if (tracer_ != nullptr) tracer_->add_class(*lane);
  lanes_.add(std::move(lane));
  return {};
}

Status Pipeline::set_class(std::uint32_t klass, ClassOptions options) {
  const schedule::Share share = schedule::share_of(options, tick_budget());
  if (Status why = selection_.may_set(lanes_[klass], share); !why.ok()) return why;
  lanes_.prepare();
  selection_.set(klass, share);
  if (tracer_ != nullptr) tracer_->set_class(klass, options);
  lanes_.set_options(klass, std::move(options), share);
  return {};
}

Status Pipeline::set_tick(const Budget& tick) {
  if (Status why = selection_.may_set_tick(tick); !why.ok()) return why;
  selection_.set_tick(tick);
  for (const auto& lane : lanes_.all()) {
    const schedule::Share share = schedule::share_of(lane->settings.options(), tick);
    selection_.set(lane->index, share);
    lane->settings.set_share(share);
  }
  recorder_.set_tick(tick);
  if (tracer_ != nullptr) tracer_->set_tick(tick);
  return {};
}

TickReport Pipeline::tick(const Runner& runner, ack::Wakes& wakes) {
  const std::scoped_lock shared(lanes_);
  held_ = Duration(0);
  const Tick tick{
      .runner = runner, .now = clock_.now(), .progress_before = progress(), .wakes = wakes};
  starved_.store(!lanes_.stage(tick.now, wakes), std::memory_order_relaxed);
  attribution_.begin(tick.now);
  const TickReport done = work(tick);
  attribution_.rest(rest(tick.now));
  return done;
}

TickReport Pipeline::work(const Tick& tick) {
  for (;;) {
    switch (state_.kind()) {
      case LaneState::Kind::open:
      case LaneState::Kind::closing:
        return commit_next(tick);
      case LaneState::Kind::stalled:
        if (!leave_stall(tick.now, tick.wakes)) return report(tick);
        break;
      case LaneState::Kind::unknown:
        if (!leave_unknown(tick.now, tick.wakes)) return report(tick);
        break;
      case LaneState::Kind::closed:
      case LaneState::Kind::poisoned:
        lanes_.settle_all(state_.cause(), tick.now, tick.wakes);
        return report(tick);
    }
  }
}

// Why what is staged waits for the next tick.
Rest Pipeline::rest(TimePoint now) const {
  if (recovery_.locked_since()) return {.why = Obstacle::lock};
  const bool takes_commits = state_.kind() != LaneState::Kind::stalled &&
                             state_.kind() != LaneState::Kind::unknown &&
                             !recovery_.waits_until(now);
  Rest out = selection_.rest();
  if (!takes_commits) out.why = Obstacle::disk;
  return out;
}

void Pipeline::not_locked() {
  if (const auto since = recovery_.locked_since()) attribution_.lock_ended(clock_.now() - *since);
  recovery_.not_locked();
}

// The probe may find what no later one will heal, instead.
bool Pipeline::leave_stall(TimePoint now, ack::Wakes& wakes) {
  if (recovery_.waits_until(now)) return false;
  const Reply probed = recovery_.probe_again(now);
  if (is_final(probed.fault)) fail_locked(probed.cause, wakes);
  return probed.ok();
}

bool Pipeline::leave_unknown(TimePoint now, ack::Wakes& wakes) {
  const bool last = state_.ended();
  if (!last && recovery_.waits_until(now)) return false;
  const Fence::Try how = last ? Fence::Try::last : Fence::Try::one_of_many;
  const Fence::Result end = fence_.raise(how, at(now, wakes));
  // The first error is the one that is kept.
  if (end == Fence::Result::committed && positions_ != nullptr) positions_->committed();
  if (end == Fence::Result::poisoned) fail_locked(state_.cause(), wakes);
  return end != Fence::Result::later;
}

TickReport Pipeline::commit_next(const Tick& tick) {
  if (recovery_.idle(tick.now)) not_locked();  // nobody waits for it
  if (recovery_.waits_until(tick.now)) return report(tick);
  if (recovery_.idle(tick.now)) {
    if (starved()) recovery_.starved(tick.now, 0);
    return report(tick);
  }
  try {
    return run(tick);
  } catch (const std::bad_alloc&) {
    recovery_.starved(tick.now, selection_.work().size());
    return report(tick);
  }
}

// Plans and commits. Memory may run out before anything is taken; what comes after sees to itself.
TickReport Pipeline::run(const Tick& tick) {
  recovery_.next_class(tick.now);
  const bool closing = state_.kind() == LaneState::Kind::closing;  // nothing holds that up
  const schedule::Plan plan = selection_.plan(closing ? Room() : room_, tick.now);
  if (plan.slices.empty()) {
    not_locked();
    if (plan.not_before) lanes_.gather_until(*plan.not_before);
    return report_idle(tick, plan.not_before);
  }
  selection_.select(plan);
  if (selection_.declines(tick.runner)) return report(tick);
  if (tracer_ != nullptr) tracer_->planned(plan, selection_, recovery_, lanes_);
  const Lanes::Hand hand(lanes_, plan);
  const commit::TickResult result = commit(plan);
  began_ = result.began;
  held_ = result.ended - result.began;
  if (tick.runner.lends_thread && result.transaction) recorder_.caller_tick();
  if (tracer_ != nullptr) {
    tracer_->ended({.plan = plan,
                    .result = result,
                    .work = selection_.work(),
                    .lanes = lanes_,
                    .by_caller = tick.runner.lends_thread});
  }
  conclude(plan, result, tick.wakes);
  Tick after = tick;
  after.now = clock_.now();
  return report(after);
}

commit::TickResult Pipeline::commit(const schedule::Plan& plan) {
  const commit::StopRule stop = selection_.stop_rule(plan);
  committer_.number_next(recorder_.committed() + 1);
  const std::span<const Duration> times = selection_.step_times(plan);
  const Lanes::LetGo meanwhile(lanes_);
  commit::TickResult result = committer_.run(selection_.work(), stop, times);
  if (result.pipelined) server_time_.divide(plan, result);
  return result;
}

void Pipeline::conclude(const schedule::Plan& plan, const commit::TickResult& result,
                        ack::Wakes& wakes) noexcept {
  TickEnd end = plan.end;
  if (result.action != Action::proceed) {
    end = TickEnd::failed;
  } else if (result.stopped && end != TickEnd::max_delay) {
    end = TickEnd::hold;
  }
  recorder_.tick(result, end, tick_budget().hold);
  recovery_.tick_ended();
  if (result.action != Action::wait_for_lock) not_locked();
  attribution_.end(plan, result, selection_.work(),
                   result.committed ? recorder_.committed() + 1 : 0);
  attribution_.foreign_changes(sink_.foreign_changes());
  switch (result.action) {
    case Action::proceed:
      succeed(plan, result, wakes);
      break;
    case Action::wait_for_lock:
      settlement_.put_back(selection_.work(), at(clock_.now(), wakes));
      recovery_.locked(result.ended);
      break;
    case Action::back_off:
      recovery_.backed_off(result, selection_.work());
      settlement_.put_back(selection_.work(), at(clock_.now(), wakes));
      break;
    case Action::fence:
      fence_.keep(selection_.work(), result.cause, at(result.ended, wakes));
      leave_unknown(result.ended, wakes);
      break;
    case Action::poison:
      settlement_.put_back(selection_.work(), at(clock_.now(), wakes));
      fail_locked(result.cause, wakes);
      break;
    case Action::poison_unknown:
      fence_.keep(selection_.work(), result.cause, at(result.ended, wakes));
      fail_locked(result.cause, wakes);
      break;
    case Action::reject:
    case Action::rerun_without:
    case Action::rerun:
      ONELANE_CHECK(false, static_cast<int>(result.action));
  }
  lanes_.compact(plan);
}

void Pipeline::succeed(const schedule::Plan& plan, const commit::TickResult& result,
                       ack::Wakes& wakes) {
  selection_.keep_state(plan);
  selection_.learn(plan, result);
  settlement_.settle(selection_.work(), result, at(clock_.now(), wakes));
  if (result.committed && positions_ != nullptr) positions_->committed();
  recovery_.committed(selection_.work().size());
}

void Pipeline::fail(const Status& cause, ack::Wakes& wakes) {
  const std::scoped_lock shared(lanes_);
  fail_locked(cause, wakes);
}

void Pipeline::fail_locked(const Status& cause, ack::Wakes& wakes) {
  const bool unknown = state_.kind() == LaneState::Kind::unknown;
  if (!state_.poison(cause)) return;
  if (unknown) fence_.abandon(state_.cause(), at(clock_.now(), wakes));
  lanes_.settle_all(state_.cause(), clock_.now(), wakes);
}

Closing Pipeline::close_in(Log& log) {
  const TimePoint began = clock_.now();
  const Reply locked = commit::sheltered(Effect::ended, [this] { return sink_.begin(); });
  if (!locked.ok()) return {.pass = {.fault = locked.fault, .cause = locked.cause}};
  Closing closing;
  try {
    closing.pass = log.close_in();
  } catch (const std::bad_alloc&) {
    closing.pass.fault = Fault::environment;
    closing.pass.cause = base::out_of_memory();
  }
  const Reply ended = commit::sheltered(Effect::kept, [this] { return sink_.rollback(); });
  closing.held = clock_.now() - began;
  recorder_.record_closing_pass(closing.held);
  attribution_.held(Obstacle::checkpoint, began, began + closing.held);
  if (tracer_ != nullptr) tracer_->closing_pass(began, closing.held);
  if (closing.pass.ok() && !ended.ok()) {
    closing.pass.fault = ended.fault;
    closing.pass.cause = ended.cause;
  }
  return closing;
}

Status Pipeline::probe(ack::Wakes& wakes) {
  const std::scoped_lock shared(lanes_);
  const Reply reply = engine::probe(sink_, lanes_);
  if (reply.ok()) {
    recorder_.count_commit();
  } else if (is_final(reply.fault)) {
    fail_locked(reply.cause, wakes);
  }
  return reply.cause;
}

// Units settled and steps committed so far.
std::uint64_t Pipeline::progress() const { return settlement_.steps() + lanes_.settled(); }

TickReport Pipeline::report(const Tick& tick) const {
  TickReport out;
  out.units = progress() - tick.progress_before;
  bool backlog = false;
  for (const auto& lane : lanes_.all()) {
    const std::optional<TimePoint> pause = recovery_.quarantine(lane->index).until(tick.now);
    backlog |= lane->pending() || (!lane->staging.empty() && !pause);
    if (!lane->staging.empty()) earliest(out.next, pause);
    earliest(out.next, lane->next_deadline());
  }
  const std::optional<TimePoint> waits = recovery_.waits_until(tick.now);
  out.more = backlog && !waits;
  if (waits && (backlog || !state_.stall_cause().ok())) earliest(out.next, waits);
  return out;
}

// There is nothing to do before then, whatever is staged.
TickReport Pipeline::report_idle(const Tick& tick, std::optional<TimePoint> next) {
  TickReport out = report(tick);
  const std::optional<TimePoint> turn = recovery_.next_turn(next, tick.now);
  out.more = (turn && *turn <= tick.now) ||
             (recovery_.quarantined_class() && recovery_.others_wait());  // theirs is the next tick
  earliest(out.next, next);
  earliest(out.next, turn);
  return out;
}

}  // namespace onelane::inline v0::engine
