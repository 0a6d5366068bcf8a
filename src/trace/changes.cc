#include "src/trace/changes.h"

#include <limits>

namespace onelane::inline v0::trace {

namespace {

using detail::EntryKind;

// The low bits of the byte that a change begins with.
constexpr std::uint64_t kSame = 0;  // a unit as the one before, but for what the other bits say
constexpr std::uint64_t kUnit = 1;
constexpr std::uint64_t kClear = 2;
constexpr std::uint64_t kBehind = 3;
constexpr std::uint64_t kSqueeze = 4;
constexpr std::uint64_t kOps = 8;
constexpr std::uint64_t kNewCaller = 8;
constexpr std::uint64_t kNewBytes = 16;
static_assert((kNewCaller | kNewBytes | kOps) < 0x80, "one byte");

// The parts of a unit's shape.
constexpr unsigned kPromiseShift = 2;
constexpr std::uint64_t kWaits = 16;
constexpr std::uint64_t kWaited = 32;

// More than any unit can have: sums of these do not wrap around.
constexpr std::uint64_t kUnitBytesMax = std::uint64_t{1} << 42;

constexpr std::size_t kChangeBytesMax = 7 * kNumberBytesMax;

std::uint64_t shape_of(const Unit& unit) {
  return static_cast<std::uint64_t>(unit.kind) |
         static_cast<std::uint64_t>(unit.promise) << kPromiseShift |
         (unit.caller_waits ? kWaits : 0) | (unit.waited_for_room ? kWaited : 0);
}

bool set_shape(Unit& unit, std::uint64_t shape) {
  const std::uint64_t promise = shape >> kPromiseShift & 3;
  unit.kind = static_cast<EntryKind>(shape & 3);
  if (promise > static_cast<std::uint64_t>(Promise::journaled)) return false;
  unit.promise = static_cast<Promise>(promise);
  unit.caller_waits = (shape & kWaits) != 0;
  unit.waited_for_room = (shape & kWaited) != 0;
  return shape < 2 * kWaited;
}

}  // namespace

void Changes::add(const Unit& unit) noexcept {
  end_run();
  if (!out_.has_room(kChangeBytesMax)) return;
  const bool same =
      unit.records == last_.records && unit.site == last_.site && shape_of(unit) == shape_of(last_);
  std::uint64_t head = same ? kSame : kUnit;
  if (unit.caller != last_.caller) head |= kNewCaller;
  if (same && unit.bytes != last_.bytes) head |= kNewBytes;
  out_.number(head);
  out_.difference((unit.pushed - last_.pushed).count());
  if ((head & kNewCaller) != 0) out_.number(unit.caller);
  if (!same) {
    out_.number(shape_of(unit));
    out_.number(unit.records);
    out_.number(unit.site);
  }
  if (!same || (head & kNewBytes) != 0) out_.number(unit.bytes);
  last_ = unit;
}

void Changes::put_behind(std::uint64_t from, std::uint64_t to) noexcept {
  end_run();
  if (!out_.has_room(kChangeBytesMax)) return;
  out_.number(kBehind);
  out_.number(from);
  out_.number(to);
}

void Changes::squeeze(std::uint64_t first, std::uint64_t count) noexcept {
  if (count == 0) return;
  end_run();
  if (!out_.has_room(kChangeBytesMax)) return;
  out_.number(kSqueeze);
  out_.number(first);
  out_.number(count);
}

void Changes::end_run() noexcept {
  if (run_ == 0) return;
  if (out_.has_room(kChangeBytesMax)) {
    out_.number(kClear);
    out_.number(run_first_);
    out_.number(run_);
  }
  run_ = 0;
}

bool ChangesIn::next(In& in, Change& change) noexcept {
  if (in.empty() || !in.ok()) return false;
  const std::uint64_t head = in.number();
  switch (head % kOps) {
    case kSame:
    case kUnit: {
      change.op = Change::Op::add;
      last_.pushed = in.time_after(last_.pushed);
      if ((head & kNewCaller) != 0) {
        last_.caller =
            static_cast<std::uint16_t>(in.number(std::numeric_limits<std::uint16_t>::max()));
      }
      if (head % kOps == kUnit) {
        if (!set_shape(last_, in.number())) in.fail();
        last_.records =
            static_cast<std::uint32_t>(in.number(std::numeric_limits<std::uint32_t>::max()));
        last_.site =
            static_cast<std::uint32_t>(in.number(std::numeric_limits<std::uint32_t>::max()));
      }
      if (head % kOps == kUnit || (head & kNewBytes) != 0) last_.bytes = in.number(kUnitBytesMax);
      change.unit = last_;
      break;
    }
    case kClear:
    case kSqueeze:
      change.op = head % kOps == kClear ? Change::Op::clear : Change::Op::squeeze;
      change.first = in.number();
      change.count = in.number();
      break;
    case kBehind:
      change.op = Change::Op::put_behind;
      change.first = in.number();
      change.to = in.number();
      break;
    default:
      in.fail();
  }
  if (head >= 2 * kNewBytes) in.fail();
  return in.ok();
}

}  // namespace onelane::inline v0::trace
