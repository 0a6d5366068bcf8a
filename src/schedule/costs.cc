#include "src/schedule/costs.h"

#include <algorithm>
#include <cmath>

#include "src/schedule/predict.h"

namespace onelane::inline v0::schedule {

namespace {

// The costs before the first sample: SQLite's on an ordinary machine, rather too high than too low.
// Too high a cost makes ticks short, which the next samples correct; too low a cost makes a tick
// long, and callers wait for it.
constexpr double kRecordPs = 5e6;
constexpr double kBytePs = 2e3;
constexpr double kCommitPs = 200e6;
constexpr double kCommitBytePs = 2e3;

// A record changes pages beyond its own bytes; for COMMIT it counts as this many bytes more.
constexpr double kCommitBytesPerRecord = 256;

// Each new sample takes this share of the fit from the older ones: about the last hundred count.
constexpr double kForget = 1.0 / 64;

// A sample counts as at most this many times its prediction, by the fit or by the starting costs. A
// COMMIT that runs a checkpoint takes about ten times a plain one, and counts whole; the time of a
// suspended machine does not. If costs really rise further, a few samples reach them, since each
// raises the next one's limit.
constexpr double kOutlierTimes = 16;

// The weight of the starting ratio of a to b, relative to the samples' own: it decides where
// samples hardly tell a from b.
constexpr double kPrior = 1e-3;

// Learned costs are limited to these: a second for a record, a millisecond for a byte.
constexpr double kRecordPsMax = 1e12;
constexpr double kBytePsMax = 1e9;
static_assert(static_cast<std::uint64_t>(std::max(kRecordPsMax, kBytePsMax)) <= kPsMax);

std::uint64_t to_integer(double ps, double most) {
  return static_cast<std::uint64_t>(std::llround(std::clamp(ps, 0.0, most)));
}

double elapsed_ps(Duration elapsed) {
  return std::max(0.0, static_cast<double>(elapsed.count())) * double{kPsPerNs};
}

}  // namespace

CostFit::CostFit(double a, double b) : start_a_(a), start_b_(b), a_(a), b_(b) {}

void CostFit::learn(double u, double v, double took) {
  if (u <= 0 && v <= 0) return;
  const double predicted = std::max(a_ * u + b_ * v, start_a_ * u + start_b_ * v);
  took = std::min(took, kOutlierTimes * predicted);
  sums_.add(u, v, took, 1 - kForget);
  solve();
}

// Least squares, drawn slightly towards the one-parameter fit that scales the starting costs.
void CostFit::solve() {
  const double weight = start_a_ * start_a_ * sums_.uu + 2 * start_a_ * start_b_ * sums_.uv +
                        start_b_ * start_b_ * sums_.vv;
  if (weight <= 0) return;
  const double scale = (start_a_ * sums_.ut + start_b_ * sums_.vt) / weight;
  const double prior_u = kPrior * sums_.uu, prior_v = kPrior * sums_.vv;
  base::LeastSquares drawn = sums_;
  drawn.uu += prior_u;
  drawn.vv += prior_v;
  drawn.ut += prior_u * scale * start_a_;
  drawn.vt += prior_v * scale * start_b_;
  if (sums_.uu <= 0 || sums_.vv <= 0 || drawn.determinant() <= 0) {
    a_ = scale * start_a_;
    b_ = scale * start_b_;
    return;
  }
  const auto [a, b] = drawn.solve();
  a_ = a;
  b_ = b;
  if (a_ < 0) {
    a_ = 0;
    b_ = sums_.vt / sums_.vv;
  } else if (b_ < 0) {
    a_ = sums_.ut / sums_.uu;
    b_ = 0;
  }
}

CostModel::CostModel() : commit_(kCommitPs, kCommitBytePs) {
  costs_.commit_fixed_ps = to_integer(kCommitPs, kRecordPsMax);
  costs_.commit.per_byte_ps = to_integer(kCommitBytePs, kBytePsMax);
  costs_.commit.per_record_ps = to_integer(kCommitBytePs * kCommitBytesPerRecord, kRecordPsMax);
}

void CostModel::reserve(std::size_t classes) {
  slices_.reserve(classes);
  costs_.classes.reserve(classes);
}

void CostModel::add_class() {
  slices_.emplace_back(kRecordPs, kBytePs);
  costs_.classes.push_back({.per_record_ps = to_integer(kRecordPs, kRecordPsMax),
                            .per_byte_ps = to_integer(kBytePs, kBytePsMax)});
}

void CostModel::learn_slice(std::uint32_t klass, std::uint64_t records, std::uint64_t bytes,
                            Duration elapsed) {
  CostFit& fit = slices_[klass];
  fit.learn(static_cast<double>(records), static_cast<double>(bytes), elapsed_ps(elapsed));
  costs_.classes[klass] = {.per_record_ps = to_integer(fit.a(), kRecordPsMax),
                           .per_byte_ps = to_integer(fit.b(), kBytePsMax)};
}

void CostModel::learn_commit(std::uint64_t records, std::uint64_t bytes, Duration elapsed) {
  const double weight =
      static_cast<double>(bytes) + kCommitBytesPerRecord * static_cast<double>(records);
  commit_.learn(1, weight, elapsed_ps(elapsed));
  costs_.commit_fixed_ps = to_integer(commit_.a(), kRecordPsMax);
  costs_.commit.per_byte_ps = to_integer(commit_.b(), kBytePsMax);
  costs_.commit.per_record_ps = to_integer(kCommitBytesPerRecord * commit_.b(), kRecordPsMax);
}

}  // namespace onelane::inline v0::schedule
