// What goes into a tick: the plan, what of it is selected, and how long a job's step may take.
#include <algorithm>
#include <vector>

#include "src/engine/pipeline.h"
#include "src/schedule/predict.h"

namespace onelane::engine {

using commit::Work;
using detail::EntryKind;

namespace {

// The clock is read, and the stop rule asked, so many times while a tick fills its hold as
// predicted; before each unit it would cost as much as a good part of the rest.
constexpr std::uint64_t kAsksPerHold = 128;
// A job's step may always use this part of the tick's hold, however full the tick is otherwise.
constexpr int kStepShareMin = 4;
constexpr Duration kStepTimeMin = std::chrono::microseconds(100);

// Before which units the stop rule is asked: the first, and each time that so much was predicted
// since.
class Asking {
 public:
  explicit Asking(std::uint64_t every_ps) : every_ps_(every_ps), since_ps_(every_ps) {}
  bool before(const schedule::LinearCost& cost, const schedule::Unit& unit) {
    const bool asks = since_ps_ >= every_ps_;
    if (asks) since_ps_ = 0;
    since_ps_ += schedule::linear_ps(cost, unit.records, unit.bytes);
    return asks;
  }

 private:
  const std::uint64_t every_ps_;
  std::uint64_t since_ps_;
};

}  // namespace

schedule::Plan Pipeline::make_plan(TimePoint now) {
  backlogs_.clear();
  lone_ = quarantined_class(now);
  if (lone_) quarantine_turn_ = *lone_;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Staging& staging = lanes_[i]->staging;
    const bool planned = lone_ ? *lone_ == i : !quarantines_[i].on();
    backlogs_.push_back(staging.empty() || !planned ? std::span<const schedule::Unit>()
                                                    : staging.units());
    if (lone_ && planned && quarantines_[i].limit() < backlogs_[i].size()) {
      backlogs_[i] = backlogs_[i].first(quarantines_[i].limit());
    }
    shares_[i].gather = lanes_[i]->gathers() ? lanes_[i]->share.gather : Duration(0);
  }
  Budget budget = tick_budget_;
  if (pause_) budget.hold = Duration(0);  // the guarantees, or one unit
  return schedule::plan({.tick = budget,
                         .shares = shares_,
                         .backlogs = backlogs_,
                         .costs = costs_.costs(),
                         .state = state_,
                         .now = now});
}

// Down to the units that earlier failures leave a tick: of the guarantees one at a time, class by
// class, and the next tick goes on with the next class, so that none is shut out; then of the
// shared slices, in their order. What is left out is as if it had been cut.
void Pipeline::shorten(schedule::Plan& plan) {
  std::size_t left = retry_.limit();
  std::vector<std::uint32_t> kept(plan.slices.size());
  // Keeps one entry more of the slice, and empty slots before it. False if there is none.
  const auto keep_one = [&](std::size_t i) {
    const schedule::Slice& slice = plan.slices[i];
    const Staging& staging = lanes_[slice.klass]->staging;
    while (kept[i] < slice.count) {
      if (staging.at(slice.first + kept[i]++) == nullptr) continue;
      --left;
      return true;
    }
    return false;
  };
  const auto shared = std::find_if(plan.slices.begin(), plan.slices.end(),
                                   [](const schedule::Slice& slice) { return !slice.guaranteed; });
  const auto guarantees = static_cast<std::size_t>(shared - plan.slices.begin());
  const auto first = std::find_if(plan.slices.begin(), shared,
                                  [this](const auto& slice) { return slice.klass >= turn_; });
  const auto begin = static_cast<std::size_t>(first - plan.slices.begin());
  for (bool any = true; any && left > 0;) {
    any = false;
    for (std::size_t step = 0; step < guarantees && left > 0; ++step) {
      const std::size_t i = (begin + step) % guarantees;
      if (!keep_one(i)) continue;
      any = true;
      next_turn_ = plan.slices[i].klass + 1;
    }
  }
  for (std::size_t i = guarantees; i < plan.slices.size(); ++i) {
    while (left > 0 && keep_one(i)) {
    }
  }
  for (std::size_t i = 0; i < plan.slices.size(); ++i) {
    schedule::Slice& slice = plan.slices[i];
    const auto units = lanes_[slice.klass]->staging.units().subspan(slice.first, slice.count);
    schedule::refund(plan.next, costs_.costs(), slice, units.subspan(kept[i]));
    slice.count = kept[i];
  }
}

// The plan's units, in order.
void Pipeline::select(const schedule::Plan& plan) {
  std::size_t planned = 0;
  for (const schedule::Slice& slice : plan.slices) planned += slice.count;
  work_ = {};  // while there may be no memory for what is selected
  if (work_slots_.size() < planned) work_slots_.resize(planned);
  std::size_t selected = 0;
  Asking asking(schedule::to_ps(plan.hold) / kAsksPerHold);
  for (std::uint32_t i = 0; i < plan.slices.size(); ++i) {
    const schedule::Slice& slice = plan.slices[i];
    const Staging& staging = lanes_[slice.klass]->staging;
    const schedule::LinearCost cost = costs_.costs().classes[slice.klass];
    for (std::uint32_t slot = slice.first; slot < slice.first + slice.count; ++slot) {
      Entry* entry = staging.at(slot);
      if (entry == nullptr) continue;
      const schedule::Unit& unit = staging.unit(slot);
      work_slots_[selected++] = {.entry = entry,
                                 .slice = i,
                                 .guaranteed = slice.guaranteed,
                                 .asks = !slice.guaranteed && asking.before(cost, unit),
                                 .taken = unit.closes_slice && between_steps(*entry)};
    }
  }
  work_ = std::span(work_slots_).first(selected);
}

bool Pipeline::declines(const Runner& runner) const {
  if (!runner.lends_thread) return false;
  for (const ClassLane* lane : lanes_) {
    if (lane->staging.jobs() != 0) return true;
  }
  return runner.patience && predict() > *runner.patience;
}

// The hold of the selected units, but for jobs.
Duration Pipeline::predict() const {
  const schedule::Costs& costs = costs_.costs();
  std::uint64_t ps = costs.commit_fixed_ps;
  for (const Work& work : work_) {
    const schedule::LinearCost& own = costs.classes[work.entry->klass];
    ps += work.entry->rows * costs.commit.per_record_ps +
          work.entry->bytes * costs.commit.per_byte_ps;
    if (work.entry->kind == EntryKind::job) continue;
    ps += work.entry->rows * own.per_record_ps + work.entry->bytes * own.per_byte_ps;
  }
  return schedule::to_duration(ps);
}

// What a job's step of each class may take of the hold: where the plan leaves others waiting, or
// there are several jobs, its class's share by weight, or a step that uses all that is left would
// leave them ever less (its cost is learned); otherwise all that is left. Never more than the
// class's own budget.
std::span<const Duration> Pipeline::step_times(const schedule::Plan& plan) {
  std::uint64_t job_weight = 0;
  std::uint64_t waiting_weight = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Staging& staging = lanes_[i]->staging;
    if (staging.empty()) continue;
    if (staging.jobs() != 0) {
      job_weight += shares_[i].weight;
    } else if (schedule::planned_units(plan, i) < staging.slots()) {
      waiting_weight += shares_[i].weight;
    }
  }
  std::fill(step_times_.begin(), step_times_.end(), Duration(0));
  if (job_weight == 0) return step_times_;
  // What the others got of this tick was planned with the step's learned cost beside it, so what
  // they left is not shared with them a second time.
  const Duration share = waiting_weight == 0 ? plan.hold - predict() : plan.hold;
  const Duration rest = std::max(share, tick_budget_.hold / kStepShareMin);
  const auto total = static_cast<Duration::rep>(job_weight + waiting_weight);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Duration part = rest * static_cast<Duration::rep>(shares_[i].weight) / total;
    step_times_[i] = std::min(std::max(part, kStepTimeMin), shares_[i].budget.hold);
  }
  return step_times_;
}

}  // namespace onelane::engine
