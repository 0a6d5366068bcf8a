#include "src/trace/format.h"

#include <limits>

namespace onelane::inline v0::trace {

namespace {

constexpr std::uint64_t kU32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kAmountMax = std::uint64_t{1} << 50;  // of records and bytes of a tick

template <class... Flags>
std::uint64_t flags_of(Flags... flags) {
  std::uint64_t out = 0;
  unsigned shift = 0;
  ((out |= static_cast<std::uint64_t>(flags ? 1 : 0) << shift++), ...);
  return out;
}

template <class... Flags>
void take_flags(In& in, Flags&... flags) {
  std::uint64_t bits = in.number((std::uint64_t{1} << sizeof...(flags)) - 1);
  ((flags = (bits & 1) != 0, bits >>= 1), ...);
}

void put_time(Out& out, Stamp& stamp, TimePoint time) {
  out.difference((time - stamp.last).count());
  stamp.last = time;
}
TimePoint take_time(In& in, Stamp& stamp) { return stamp.last = in.time_after(stamp.last); }

// Duration::max() is 0.
void put_room(Out& out, Duration room) {
  out.number(room == Duration::max() ? 0 : static_cast<std::uint64_t>(room.count()) + 1);
}
Duration take_room(In& in) {
  const std::uint64_t room = in.number(static_cast<std::uint64_t>(kTimeMost));
  return room == 0 ? Duration::max() : Duration(static_cast<Duration::rep>(room - 1));
}

std::uint32_t take_u32(In& in) { return static_cast<std::uint32_t>(in.number(kU32)); }
std::uint32_t take_class(In& in) { return static_cast<std::uint32_t>(in.number(kClassesMax - 1)); }
template <class Enum>
void take_enum(In& in, Enum& value, std::size_t count) {
  value = static_cast<Enum>(in.number(count - 1));
}

// How many there are of what takes at least `least` bytes each: more than are left is no count.
std::size_t take_count(In& in, std::size_t least) {
  return static_cast<std::size_t>(in.number(in.left() / least));
}

void put(Out& out, const Budget& budget) {
  out.number(budget.records);
  out.number(budget.bytes);
  out.duration(budget.hold);
}
Budget take_budget(In& in) {
  Budget budget;
  budget.records = in.number(kAmountMax);
  budget.bytes = in.number(kAmountMax);
  budget.hold = in.duration();
  return budget;
}

}  // namespace

void put(Out& out, Stamp& stamp, const StartItem& item) noexcept {
  put_time(out, stamp, item.opened);
  out.text(item.version);
  out.number(static_cast<std::uint64_t>(item.drive));
}
void take(In& in, Stamp& stamp, StartItem& item) {
  item.opened = take_time(in, stamp);
  item.version = in.text();
  take_enum(in, item.drive, 2);
}

void put(Out& out, Stamp& /*stamp*/, const TickItem& item) noexcept {
  put(out, item.budget);
  out.number(item.commit_percent);
}
void take(In& in, Stamp& /*stamp*/, TickItem& item) {
  item.budget = take_budget(in);
  item.commit_percent = static_cast<std::uint32_t>(in.number(100));
}

void put(Out& out, Stamp& /*stamp*/, const ClassItem& item) noexcept {
  const ClassOptions& options = item.options;
  out.number(item.klass);
  out.text(options.name);
  out.number(options.guarantee.records);
  out.number(options.guarantee.bytes);
  put(out, options.budget);
  out.number(options.weight);
  out.duration(options.max_delay);
  out.duration(options.gather);
  out.duration(options.interval);
  out.number(options.capacity_records);
  out.number(options.capacity_bytes);
  out.number(static_cast<std::uint64_t>(options.when_full));
  out.duration(options.block_timeout);
  out.number(static_cast<std::uint64_t>(options.promise));
  out.number(flags_of(options.coalesce, options.intake));
}
void take(In& in, Stamp& /*stamp*/, ClassItem& item) {
  ClassOptions& options = item.options;
  item.klass = take_class(in);
  options.name = in.text();
  options.guarantee.records = in.number(kAmountMax);
  options.guarantee.bytes = in.number(kAmountMax);
  options.budget = take_budget(in);
  options.weight = take_u32(in);
  options.max_delay = in.duration();
  options.gather = in.duration();
  options.interval = in.duration();
  options.capacity_records = in.number(kAmountMax);
  options.capacity_bytes = in.number(kAmountMax);
  take_enum(in, options.when_full, 3);
  options.block_timeout = in.duration();
  take_enum(in, options.promise, 3);
  take_flags(in, options.coalesce, options.intake);
}

void put(Out& out, Stamp& /*stamp*/, const SiteItem& item) noexcept {
  out.number(item.site);
  out.text(item.label);
}
void take(In& in, Stamp& /*stamp*/, SiteItem& item) {
  item.site = take_u32(in);
  item.label = in.text();
}

void put(Out& out, Stamp& stamp, const PlanItem& item) noexcept {
  put_time(out, stamp, item.now);
  out.number(flags_of(item.patient, item.quarantined, item.paced));
  put_room(out, item.room_hold);
  put_room(out, item.room_most);
  out.number(item.gathers);
  out.number(item.held_back);
  out.number(item.limit);
  out.number(item.first_class);
  out.number(item.shown.size());
  for (const Shown& each : item.shown) {
    out.number(each.klass);
    out.number(each.units);
  }
  out.number(item.slices.size());
  for (const Slice& each : item.slices) {
    out.number(std::uint64_t{each.klass} << 1 | (each.guaranteed ? 1 : 0));
    out.number(each.first);
    out.number(each.count);
  }
  out.number(static_cast<std::uint64_t>(item.end));
  out.duration(item.hold);
}
void take(In& in, Stamp& stamp, PlanItem& item) {
  item.now = take_time(in, stamp);
  take_flags(in, item.patient, item.quarantined, item.paced);
  item.room_hold = take_room(in);
  item.room_most = take_room(in);
  item.gathers = in.number();
  item.held_back = in.number();
  item.limit = in.number();
  item.first_class = in.number();
  item.shown.resize(take_count(in, 2));
  for (Shown& each : item.shown) {
    each.klass = take_class(in);
    each.units = in.number();
  }
  item.slices.resize(take_count(in, 3));
  for (Slice& each : item.slices) {
    const std::uint64_t klass = in.number(2 * kClassesMax - 1);
    each.klass = static_cast<std::uint32_t>(klass >> 1);
    each.guaranteed = (klass & 1) != 0;
    each.first = take_u32(in);
    each.count = take_u32(in);
  }
  take_enum(in, item.end, kTickEndCount);
  item.hold = in.duration();
}

void put(Out& out, Stamp& stamp, const OutcomeItem& item) noexcept {
  out.number(flags_of(item.kept, item.committed, item.transaction, item.stopped, item.by_caller));
  out.number(item.action);
  put_time(out, stamp, item.began);
  put_time(out, stamp, item.ended);
  put_time(out, stamp, item.settled);
  out.number(item.attempts);
  out.number(item.units);
  out.number(item.records);
  out.number(item.bytes);
  out.duration(item.commit_time);
  out.duration(item.log_hold);
  out.number(item.slices.size());
  for (const SliceTime& each : item.slices) {
    out.number(each.records);
    out.number(each.bytes);
    out.duration(each.elapsed);
  }
  out.number(item.left.size());
  for (const Left& each : item.left) {
    out.number(each.slice);
    out.number(each.first);
    out.number(each.count);
  }
}
void take(In& in, Stamp& stamp, OutcomeItem& item) {
  take_flags(in, item.kept, item.committed, item.transaction, item.stopped, item.by_caller);
  item.action = static_cast<std::uint8_t>(in.number(std::numeric_limits<std::uint8_t>::max()));
  item.began = take_time(in, stamp);
  item.ended = take_time(in, stamp);
  item.settled = take_time(in, stamp);
  item.attempts = take_u32(in);
  item.units = in.number(kAmountMax);
  item.records = in.number(kAmountMax);
  item.bytes = in.number(kAmountMax);
  item.commit_time = in.duration();
  item.log_hold = in.duration();
  item.slices.resize(take_count(in, 3));
  for (SliceTime& each : item.slices) {
    each.records = in.number(kAmountMax);
    each.bytes = in.number(kAmountMax);
    each.elapsed = in.duration();
  }
  item.left.resize(take_count(in, 3));
  for (Left& each : item.left) {
    each.slice = take_u32(in);
    each.first = take_u32(in);
    each.count = take_u32(in);
  }
}

void put(Out& out, Stamp& stamp, const EventItem& item) noexcept {
  out.number(static_cast<std::uint64_t>(item.kind));
  put_time(out, stamp, item.at);
  out.duration(item.took);
  out.number(item.bytes);
}
void take(In& in, Stamp& stamp, EventItem& item) {
  take_enum(in, item.kind, kEventKindCount);
  item.at = take_time(in, stamp);
  item.took = in.duration();
  item.bytes = in.number(kAmountMax);
}

void put(Out& out, Stamp& /*stamp*/, const EndItem& item) noexcept {
  out.number(static_cast<std::uint64_t>(item.why));
  out.number(item.lost_ticks);
}
void take(In& in, Stamp& /*stamp*/, EndItem& item) {
  take_enum(in, item.why, kTraceEndCount);
  item.lost_ticks = in.number();
}

void frame(Out& out, ItemKind kind, std::span<const std::byte> item) noexcept {
  out.number(static_cast<std::uint64_t>(kind));
  out.number(item.size());
  out.bytes(item);
}

std::optional<Framed> take_framed(In& in) noexcept {
  if (in.empty()) return std::nullopt;
  Framed out;
  out.kind = in.number();
  out.bytes = in.bytes(in.number());
  return in.ok() ? std::optional(out) : std::nullopt;
}

}  // namespace onelane::inline v0::trace
