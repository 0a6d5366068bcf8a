#include "src/engine/disk_time.h"

#include <algorithm>

namespace onelane::inline v0::engine {

namespace {

// Of what is remembered with each pass: the last five count most.
constexpr double kKeep = 0.8;
// The weight of "the floor is what kEvenBytes take", in passes.
constexpr double kEven = 0.01;
// A pass counts as at most this many times its prediction: one hiccup of a second is not what the
// disk does. If it is, the next passes say so, since each raises the next one's limit.
constexpr double kOutlierTimes = 16;
// The floor is at most the time of so many times kEvenBytes: what a fit of noise must not exceed.
constexpr double kFloorMost = 256;
// 1 TB/s: memory is slower.
constexpr double kEvenNsMin = 1e-3 * static_cast<double>(DiskTime::kEvenBytes);

Duration from_ns(double ns) { return Duration(static_cast<Duration::rep>(ns)); }

}  // namespace

void DiskTime::learn(std::uint64_t bytes, Duration took) {
  const double x = static_cast<double>(bytes) / static_cast<double>(kEvenBytes);
  const double limit = kOutlierTimes * (floor_ns_ + even_ns_ * x);
  const double y = std::clamp(static_cast<double>(took.count()), 0.0, limit);
  const double u = 1 / (1 + x);
  sums_.add(u, 1 - u, u * y, kKeep);
  base::LeastSquares drawn = sums_;
  drawn.uu += kEven;
  drawn.uv -= kEven;
  drawn.vv += kEven;
  const auto [floor, even] = drawn.solve();
  floor_ns_ = floor;
  even_ns_ = even;
  // Where noise turns the line downwards: all of it is floor, or none.
  if (floor_ns_ < 0) {
    floor_ns_ = 0;
    even_ns_ = sums_.vt / sums_.vv;
  } else if (even_ns_ < floor_ns_ / kFloorMost) {
    floor_ns_ = (sums_.ut + sums_.vt) / (sums_.uu + sums_.uv);
    even_ns_ = floor_ns_ / kFloorMost;
  }
  even_ns_ = std::max(even_ns_, kEvenNsMin);
}

Duration DiskTime::floor() const { return from_ns(floor_ns_); }

Duration DiskTime::of(std::uint64_t bytes) const {
  return from_ns(static_cast<double>(bytes) * per_byte_ns());
}

std::uint64_t DiskTime::within(Duration time) const {
  const double left = static_cast<double>(time.count()) - floor_ns_;
  return static_cast<std::uint64_t>(std::max(1.0, left / per_byte_ns()));
}

}  // namespace onelane::inline v0::engine
