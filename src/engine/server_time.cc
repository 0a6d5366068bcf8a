#include "src/engine/server_time.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace onelane::inline v0::engine {

namespace {

// Before the first tick, in nanoseconds: of a record of 250 bytes about 5 us, and of a commit.
constexpr double kWeightNs = 10;
constexpr double kFixedNs = 200'000;

// A sample counts as at most this many times what was expected, now or at the start: the time of a
// suspended machine does not. If costs really rise further, a few samples reach them.
constexpr double kOutlierTimes = 16;

constexpr double kForget = 1.0 / 64;
constexpr double kStep = 0.5;

double nanoseconds(Duration time) { return static_cast<double>(time.count()); }

}  // namespace

ServerTime::ServerTime() {
  inputs_.fill({.cost = kWeightNs});
  inputs_.back().cost = kFixedNs;
}

double ServerTime::expected(const Weights& weights) const {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * inputs_[i].cost;
  return sum;
}

void ServerTime::learn(const Weights& weights, double took) {
  samples_ = samples_ * (1 - kForget) + 1;
  Weights scale{};  // of what each weighs, so that all weigh alike in the long run
  double power = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    inputs_[i].power = inputs_[i].power * (1 - kForget) + weights[i] * weights[i];
    if (weights[i] > 0) scale[i] = std::sqrt(samples_ / inputs_[i].power);
  }
  for (std::size_t i = 0; i < weights.size(); ++i) power += std::pow(weights[i] * scale[i], 2);
  double at_the_start = kFixedNs;
  for (const double each : std::span(weights).first(kClassesMax)) at_the_start += each * kWeightNs;
  const double now = expected(weights);
  took = std::min(took, kOutlierTimes * std::max(now, at_the_start));
  const double step = kStep * (took - now) / power;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    inputs_[i].cost = std::max(0.0, inputs_[i].cost + step * weights[i] * scale[i] * scale[i]);
  }
}

void ServerTime::divide(const schedule::Plan& plan, commit::TickResult& result) {
  const auto weight = [](const commit::SliceTime& slice) {
    return static_cast<double>(commit::weight_of(slice.records, slice.bytes));
  };
  Weights weights{};
  weights.back() = 1;
  Duration whole = result.commit_time;
  for (std::size_t i = 0; i < result.slices.size(); ++i) {
    weights[plan.slices[i].klass] += weight(result.slices[i]);
    whole += result.slices[i].elapsed;
  }
  if (result.committed) learn(weights, nanoseconds(whole));
  const double all = expected(weights);
  if (all <= 0) return;
  result.commit_time = whole;
  for (std::size_t i = 0; i < result.slices.size(); ++i) {
    commit::SliceTime& slice = result.slices[i];
    const double own = weight(slice) * inputs_[plan.slices[i].klass].cost;
    const Duration part(static_cast<Duration::rep>(nanoseconds(whole) * own / all));
    slice.elapsed = std::max(slice.elapsed, part);
    result.commit_time -= std::min(result.commit_time, slice.elapsed);
  }
  commit::divide_commit_time(result);
}

}  // namespace onelane::inline v0::engine
