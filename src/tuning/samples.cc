#include "src/tuning/samples.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include "src/base/least_squares.h"
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

Draws::Draws(const std::vector<Sample>& samples) : mean_(fit(samples)), count_(samples.size()) {
  for (const Sample& each : samples) {
    const double mean = mean_.of(each.records, each.bytes);
    const double ratio = mean > 0 ? each.took / mean : 1;
    buckets_[bucket_of(each.records, each.bytes)].ratios.push_back(static_cast<float>(ratio));
  }
}

double Draws::next(double records, double bytes) {
  if (count_ == 0) return 1;
  const std::size_t wanted = bucket_of(records, bytes);
  for (std::size_t off = 0; off < buckets_.size(); ++off) {
    for (const std::size_t at : {wanted - std::min(wanted, off), wanted + off}) {
      if (at >= buckets_.size() || buckets_[at].ratios.empty()) continue;
      Bucket& bucket = buckets_[at];
      return static_cast<double>(bucket.ratios[bucket.used++ % bucket.ratios.size()]);
    }
  }
  return 1;
}

namespace {

class Sampler final : public Visitor {
 public:
  explicit Sampler(const Trace& trace) : trace_(trace) {}

  void class_added() override { slices_.emplace_back(); }
  void added(std::size_t /*klass*/, const trace::Unit& unit) override {
    first_push_ = std::min(first_push_, unit.pushed);
  }
  bool planned(const trace::PlanItem& plan) override {
    // What was pushed before the last tick had settled was there for this one at once.
    const bool busy = last_settled_ && (backlog_left_ || first_push_ <= *last_settled_);
    if (busy) {
      out_.busy.add(std::max(Duration(0), plan.now - *last_settled_));
    } else if (first_push_ != TimePoint::max() && plan.gathers == 0) {
      out_.wakes.add(std::max(Duration(0), plan.now - first_push_));
    }
    first_push_ = TimePoint::max();
    return true;
  }
  void ended(const trace::PlanItem& plan, const trace::OutcomeItem& outcome) override {
    last_settled_ = outcome.settled;
    backlog_left_ = plan.end != TickEnd::drained || !outcome.left.empty() || !outcome.kept;
    if (!outcome.kept || !outcome.committed) return;
    out_.to_begin.add(std::max(Duration(0), outcome.began - plan.now));
    out_.to_settle.add(std::max(Duration(0), outcome.settled - outcome.ended));
    for (std::size_t i = 0; i < outcome.slices.size(); ++i) {
      const trace::SliceTime& each = outcome.slices[i];
      if (each.records != 0)
        add(slices_[plan.slices[i].klass], each.records, each.bytes, each.elapsed);
    }
    add(commits_, outcome.records, outcome.bytes, outcome.commit_time);
  }

  Samples take() {
    for (const std::vector<Sample>& each : slices_) out_.slices.emplace_back(each);
    out_.commits = Draws(commits_);
    std::vector<Sample> log;
    for (const TracedTick& each : trace_.ticks) {
      if (each.log_bytes == 0) continue;
      log.push_back({static_cast<double>(each.records), static_cast<double>(each.bytes),
                     static_cast<double>(each.log_bytes)});
    }
    out_.log = fit(log);
    return std::move(out_);
  }

 private:
  static void add(std::vector<Sample>& to, std::uint64_t records, std::uint64_t bytes,
                  Duration took) {
    to.push_back({static_cast<double>(records), static_cast<double>(bytes),
                  static_cast<double>(std::max(Duration(0), took).count())});
  }

  const Trace& trace_;
  Samples out_;
  std::vector<std::vector<Sample>> slices_;
  std::vector<Sample> commits_;
  TimePoint first_push_ = TimePoint::max();
  std::optional<TimePoint> last_settled_;
  bool backlog_left_ = false;
};

}  // namespace

Samples samples_of(const Trace& trace) {
  Sampler sampler(trace);
  Walk walk(trace.items->bytes, sampler);
  (void)walk.run();  // it was read before
  return sampler.take();
}

}  // namespace onelane::inline v0::tuning
