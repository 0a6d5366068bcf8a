#include "src/schedule/costs.h"

#include <algorithm>
#include <cmath>

namespace onelane::schedule {

namespace {

constexpr double kPsPerNs = 1000;

// Before anything was learned: what SQLite takes on an ordinary machine, rather too much than too
// little, since a tick that is too short mends itself and one that is too long was waited for.
constexpr double kRecordPs = 5e6;
constexpr double kBytePs = 2e3;
constexpr double kCommitPs = 200e6;
constexpr double kCommitBytePs = 2e3;

// A record touches pages beyond its own bytes; for COMMIT it counts as so many bytes more.
constexpr double kCommitBytesPerRecord = 256;

// Each sample takes this share of all that is known: the last hundred or so count.
constexpr double kForget = 1.0 / 64;

// A sample counts as at most this many times what was predicted for it, now or at the start. A
// COMMIT with a checkpoint in it, about ten times a plain one, still counts whole; a machine that
// was suspended does not. Costs that really rose this far are reached within a few samples, each
// raising the next one's limit.
constexpr double kFreak = 16;

// How strongly the ratio of the start holds against samples that hardly tell a from b, relative to
// the samples' own weight.
constexpr double kHold = 1e-3;

// A cost past this is not believed: a second for a record, a millisecond for a byte.
constexpr double kRecordPsMax = 1e12;
constexpr double kBytePsMax = 1e9;

std::uint64_t to_integer(double ps, double most) {
  return static_cast<std::uint64_t>(std::llround(std::clamp(ps, 0.0, most)));
}

double elapsed_ps(Duration elapsed) {
  return std::max(0.0, static_cast<double>(elapsed.count())) * kPsPerNs;
}

}  // namespace

CostFit::CostFit(double a, double b) : start_a_(a), start_b_(b), a_(a), b_(b) {}

void CostFit::learn(double u, double v, double took) {
  if (u <= 0 && v <= 0) return;
  const double predicted = std::max(a_ * u + b_ * v, start_a_ * u + start_b_ * v);
  took = std::min(took, kFreak * predicted);
  const double keep = 1 - kForget;
  uu_ = keep * uu_ + u * u;
  uv_ = keep * uv_ + u * v;
  vv_ = keep * vv_ + v * v;
  ut_ = keep * ut_ + u * took;
  vt_ = keep * vt_ + v * took;
  solve();
}

// Least squares, drawn a little towards the one-parameter fit that scales the start's costs.
void CostFit::solve() {
  const double weight =
      start_a_ * start_a_ * uu_ + 2 * start_a_ * start_b_ * uv_ + start_b_ * start_b_ * vv_;
  if (weight <= 0) return;
  const double scale = (start_a_ * ut_ + start_b_ * vt_) / weight;
  const double hold_u = kHold * uu_, hold_v = kHold * vv_;
  const double uu = uu_ + hold_u, vv = vv_ + hold_v;
  const double ut = ut_ + hold_u * scale * start_a_, vt = vt_ + hold_v * scale * start_b_;
  const double determinant = uu * vv - uv_ * uv_;
  if (uu_ <= 0 || vv_ <= 0 || determinant <= 0) {
    a_ = scale * start_a_;
    b_ = scale * start_b_;
    return;
  }
  a_ = (ut * vv - vt * uv_) / determinant;
  b_ = (vt * uu - ut * uv_) / determinant;
  if (a_ < 0) {
    a_ = 0;
    b_ = vt_ / vv_;
  } else if (b_ < 0) {
    a_ = ut_ / uu_;
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

}  // namespace onelane::schedule
