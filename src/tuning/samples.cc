#include "src/tuning/samples.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <span>
#include <utility>

#include "src/base/least_squares.h"
#include "src/tuning/steps.h"
#include "src/tuning/walk.h"

namespace onelane::inline v0::tuning {

namespace {

// A record changes pages beyond its own bytes; in a fit it counts as this many bytes more.
constexpr double kBytesPerRecord = 256;
// The best-fitting cost is not believed beyond this part of a sum of squares being told apart.
constexpr double kApart = 1e-4;

// took = a*u + b*v with a and b at least 0; b alone where the two cannot be told apart.
base::LeastSquares::Solution solve(const base::LeastSquares& sums) {
  const double both = sums.uu * sums.vv;
  const auto only_u = base::LeastSquares::Solution{sums.uu > 0 ? sums.ut / sums.uu : 0, 0};
  const auto only_v = base::LeastSquares::Solution{0, sums.vv > 0 ? sums.vt / sums.vv : 0};
  if (both <= 0 || sums.determinant() < kApart * both) return sums.uu > 0 ? only_u : only_v;
  const auto out = sums.solve();
  if (out.a < 0) return only_v;
  if (out.b < 0) return only_u;
  return out;
}

}  // namespace

// First the fixed part beside the size as one number; then that split into records and bytes.
MeanCost fit(const std::vector<Sample>& samples) {
  base::LeastSquares by_size, by_part;
  for (const Sample& each : samples) {
    by_size.add(1, each.bytes + kBytesPerRecord * each.records, each.took, 1);
  }
  MeanCost out;
  out.fixed = solve(by_size).a;
  for (const Sample& each : samples) {
    by_part.add(each.records, each.bytes, std::max(0.0, each.took - out.fixed), 1);
  }
  const auto parts = solve(by_part);
  out.per_record = parts.a;
  out.per_byte = parts.b;
  return out;
}

std::size_t Draws::bucket_of(double records, double bytes) {
  const double size = std::clamp(bytes + kBytesPerRecord * records, 0.0, 1e14);
  return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(size)));
}

double Recorded::at(TimePoint when) {
  const auto off = [&](std::size_t index) { return std::chrono::abs(all_[index].at - when); };
  while (index_ + 1 < all_.size() && off(index_ + 1) <= off(index_)) ++index_;
  return all_[std::min(index_ + shift_, all_.size() - 1)].value;
}

Draws::Draws(const std::vector<Sample>& samples) : mean_(fit(samples)) {
  for (const Sample& each : samples) {
    const double mean = mean_.of(each.records, each.bytes);
    ratios_[bucket_of(each.records, each.bytes)].add(each.at, mean > 0 ? each.took / mean : 1);
  }
}

double Draws::ratio(double records, double bytes, TimePoint now) {
  const std::size_t wanted = bucket_of(records, bytes);
  for (std::size_t off = 0; off < ratios_.size(); ++off) {
    for (const std::size_t at : {wanted - std::min(wanted, off), wanted + off}) {
      if (at < ratios_.size() && !ratios_[at].empty()) return ratios_[at].at(now);
    }
  }
  return 1;
}

namespace {

// When nine threads of ten have pushed for the last time.
TimePoint end_of_load(const Trace& trace) {
  std::map<std::uint16_t, TimePoint> last;
  for (const TracedUnit& each : trace.units) {
    TimePoint& of = last.try_emplace(each.caller, each.pushed).first->second;
    of = std::max(of, each.pushed);
  }
  std::vector<TimePoint> ends;
  ends.reserve(last.size());
  for (const auto& [caller, end] : last) ends.push_back(end);
  if (ends.empty()) return trace.last;
  const auto at = ends.begin() + static_cast<std::ptrdiff_t>(ends.size() * 9 / 10);
  std::nth_element(ends.begin(), at, ends.end());
  return *at;
}

class Sampler final : public Visitor {
 public:
  explicit Sampler(const Trace& trace) : trace_(trace) {}
  void use(const Walk& walk) { walk_ = &walk; }

  void class_added() override {
    slices_.emplace_back();
    out_.steps.emplace_back();
  }
  void added(std::size_t /*klass*/, const trace::Unit& unit) override {
    first_push_ = std::min(first_push_, unit.pushed);
  }
  bool planned(const trace::PlanItem& plan) override {
    // What was pushed before the last tick had settled was there for this one at once. Where a
    // class pauses or rests, the time until this plan says nothing. A pause may be over by then.
    const bool busy = last_settled_ && (backlog_left_ || first_push_ <= *last_settled_);
    const bool holds_back = plan.held_back != 0;
    const bool waited = holds_back || held_back_ || paused();
    held_back_ = holds_back;
    if (busy && !waited) {
      out_.busy.add(*last_settled_, gap(*last_settled_, plan.now));
    } else if (!busy && !waited && first_push_ != TimePoint::max() && plan.gathers == 0) {
      out_.wakes.add(first_push_, gap(first_push_, plan.now));
    }
    first_push_ = TimePoint::max();
    out_.rooms.push_back({plan.now, plan.room_hold, plan.room_most});
    std::vector<std::size_t> planned(slices_.size());
    for (const trace::Slice& each : plan.slices) {
      planned[each.klass] = std::max<std::size_t>(planned[each.klass], each.first + each.count);
    }
    const auto backlog_of = [this](std::size_t klass) -> const Backlog& {
      return walk_->backlog(klass);
    };
    step_times_ = step_times(walk_->budgets(), plan.hold, planned, backlog_of);
    last_planned_.resize(planned.size());
    for (std::size_t i = 0; i < planned.size(); ++i) {
      if (planned[i] != 0) last_planned_[i] = backlog_of(i).slot(planned[i] - 1).unit;
    }
    return true;
  }
  void ended(const trace::PlanItem& plan, const trace::OutcomeItem& outcome) override {
    last_settled_ = outcome.settled;
    ++ticks_;
    backlog_left_ = plan.end != TickEnd::drained || !outcome.left.empty() || !outcome.kept;
    if (!outcome.kept || !outcome.committed) return;
    out_.to_begin.add(plan.now, outcome.began - plan.now);
    out_.to_settle.add(outcome.ended, outcome.settled - outcome.ended);
    for (std::size_t i = 0; i < outcome.slices.size(); ++i) {
      const trace::SliceTime& each = outcome.slices[i];
      if (each.records == 0) continue;
      const std::uint32_t klass = plan.slices[i].klass;
      if (step_times_[klass] != Duration(0)) {
        out_.steps[klass].add(outcome.began, each.elapsed, step_times_[klass]);
        out_.jobs[last_planned_[klass]] += static_cast<double>(each.elapsed.count());
      }
      slices_[klass].push_back(sample(outcome.began, each.records, each.bytes, each.elapsed));
    }
    commits_.push_back(sample(outcome.began, outcome.records, outcome.bytes, outcome.commit_time));
  }

  Samples take() {
    for (const std::vector<Sample>& each : slices_) out_.slices.emplace_back(each);
    out_.commits = Draws(commits_);
    std::vector<Sample> log, pauses;
    for (const TracedTick& each : trace_.ticks) {
      if (each.log_bytes == 0) continue;
      const double records = static_cast<double>(each.records);
      const double bytes = static_cast<double>(each.bytes);
      log.push_back({each.began, records, bytes, static_cast<double>(each.log_bytes)});
      pauses.push_back({each.began, records, bytes, static_cast<double>(each.pause.count())});
    }
    out_.log = Draws(log);
    out_.passes_under_load = static_cast<std::size_t>(
        std::count_if(trace_.closing_passes.begin(), trace_.closing_passes.end(),
                      [end = end_of_load(trace_)](auto& pass) { return pass.at < end; }));
    if (trace_.drive == Drive::thread) out_.pauses = Draws(pauses);
    return std::move(out_);
  }

 private:
  // Whether a class may have paused for the disk since the last tick.
  bool paused() const {
    if (ticks_ == 0) return false;
    const TracedTick& last = trace_.ticks[ticks_ - 1];
    return last.paced || last.pause != Duration(0);
  }
  // From then to then, without what passes that close the log took of it.
  Duration gap(TimePoint from, TimePoint to) {
    const std::vector<TracedHold>& passes = trace_.closing_passes;
    while (passes_ < passes.size() && passes[passes_].at < from) ++passes_;
    Duration out = to - from;
    for (; passes_ < passes.size() && passes[passes_].at < to; ++passes_) {
      out = std::max(Duration(0), out - passes[passes_].took);
    }
    return out;
  }
  static Sample sample(TimePoint at, std::uint64_t records, std::uint64_t bytes, Duration took) {
    return {.at = at,
            .records = static_cast<double>(records),
            .bytes = static_cast<double>(bytes),
            .took = static_cast<double>(std::max(Duration(0), took).count())};
  }

  const Trace& trace_;
  const Walk* walk_ = nullptr;
  Samples out_;
  std::vector<std::vector<Sample>> slices_;
  std::vector<Sample> commits_;
  TimePoint first_push_ = TimePoint::max();
  std::optional<TimePoint> last_settled_;
  bool backlog_left_ = false;
  bool held_back_ = false;  // a class, when the last tick was planned
  std::size_t passes_ = 0;  // that are over
  std::size_t ticks_ = 0;   // that have ended
  // Of the last plan, by class: its job's step, and the number of its last unit.
  std::vector<Duration> step_times_;
  std::vector<std::uint32_t> last_planned_;
};

}  // namespace

Samples samples_of(const Trace& trace) {
  Sampler sampler(trace);
  Walk walk(trace.items->bytes, sampler);
  sampler.use(walk);
  (void)walk.run();  // it was read before
  return sampler.take();
}

}  // namespace onelane::inline v0::tuning
