// The items of a trace: what is known when a journal opens, then, tick by tick, what changed in the
// backlogs, what was planned from them, and what came of it. README.md has the file's layout.
//
// Times are written as differences to the one before, in the order of the items: a writer and a
// reader each keep the Stamp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"
#include "src/trace/wire.h"

namespace onelane::inline v0::trace {

enum class ItemKind : std::uint8_t {
  start = 1,    // once, first
  tick = 2,     // the budgets of ticks, from here on
  klass = 3,    // a new class, or new options of one that is known
  site = 4,     // a call site's label
  changes = 5,  // of one class's backlog
  plan = 6,     // of a tick that was begun
  outcome = 7,  // of the plan before it
  event = 8,    // what else held the lane, or held it up
  end = 9,      // why there is no more, and how much was lost; the last one counts
};

struct Stamp {
  TimePoint last{};
};

struct StartItem {
  TimePoint opened{};
  std::string version;  // of the library
  Drive drive = Drive::thread;
};

struct TickItem {
  Budget budget;
  std::uint32_t commit_percent = 0;  // as plans are made: 0 on a manual journal
};

struct ClassItem {
  std::uint32_t klass = 0;
  ClassOptions options{};
};

struct SiteItem {
  std::uint32_t site = 0;
  std::string_view label;
};

struct Slice {
  std::uint32_t klass = 0;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool guaranteed = false;
};

// Of which not all is shown to the planner.
struct Shown {
  std::uint32_t klass = 0;
  std::uint64_t units = 0;
};

struct PlanItem {
  TimePoint now{};
  // What the log had room for; max: any.
  Duration room_hold = Duration::max();
  Duration room_most = Duration::max();
  bool patient = false;           // nobody waits for any of it
  bool quarantined = false;       // it is of one class that failed
  bool paced = false;             // the disk is behind
  std::uint64_t gathers = 0;      // classes whose gathering window counts, a bit each
  std::uint64_t held_back = 0;    // classes that pause or rest
  std::uint64_t limit = 0;        // of units, after failures; 0: none
  std::uint64_t first_class = 0;  // where a limited tick begins
  std::vector<Shown> shown;
  std::vector<Slice> slices;
  TickEnd end = TickEnd::drained;
  Duration hold{0};
};

struct SliceTime {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  Duration elapsed{0};
};

// Slots of a planned slice that the tick left.
struct Left {
  std::uint32_t slice = 0;
  std::uint32_t first = 0;  // of the class's backlog
  std::uint32_t count = 0;
};

struct OutcomeItem {
  bool kept = false;  // the plan was carried out, and its costs are learned: not rolled back
  bool committed = false;
  bool transaction = false;
  bool stopped = false;
  bool by_caller = false;
  std::uint8_t action = 0;  // commit::Action, for people
  TimePoint began{};
  TimePoint ended{};
  TimePoint settled{};
  std::uint32_t attempts = 0;
  std::uint64_t units = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  Duration commit_time{0};
  Duration log_hold{0};
  std::vector<SliceTime> slices;
  std::vector<Left> left;
};

enum class EventKind : std::uint8_t {
  closing_pass,  // held the lane
  pause,         // the classes of the last tick wait for the disk
  sync,          // of the log, beside the ticks
  log,           // what the last tick added to it, in `bytes`
};
inline constexpr std::size_t kEventKindCount = static_cast<std::size_t>(EventKind::log) + 1;

struct EventItem {
  EventKind kind = EventKind::closing_pass;
  TimePoint at{};
  Duration took{0};
  std::uint64_t bytes = 0;
};

struct EndItem {
  TraceEnd why = TraceEnd::closed;
  std::uint64_t lost_ticks = 0;
};

// Each appends the item's own bytes, without its kind and size.
void put(Out& out, Stamp& stamp, const StartItem& item) noexcept;
void put(Out& out, Stamp& stamp, const TickItem& item) noexcept;
void put(Out& out, Stamp& stamp, const ClassItem& item) noexcept;
void put(Out& out, Stamp& stamp, const SiteItem& item) noexcept;
void put(Out& out, Stamp& stamp, const PlanItem& item) noexcept;
void put(Out& out, Stamp& stamp, const OutcomeItem& item) noexcept;
void put(Out& out, Stamp& stamp, const EventItem& item) noexcept;
void put(Out& out, Stamp& stamp, const EndItem& item) noexcept;

// Each takes one apart: in.ok() is false if it makes no sense. Lists are no longer than the bytes
// that are there; a class's options are not checked against their limits, see validate().
void take(In& in, Stamp& stamp, StartItem& item);
void take(In& in, Stamp& stamp, TickItem& item);
void take(In& in, Stamp& stamp, ClassItem& item);
void take(In& in, Stamp& stamp, SiteItem& item);
void take(In& in, Stamp& stamp, PlanItem& item);
void take(In& in, Stamp& stamp, OutcomeItem& item);
void take(In& in, Stamp& stamp, EventItem& item);
void take(In& in, Stamp& stamp, EndItem& item);

// One item with its kind and size.
void frame(Out& out, ItemKind kind, std::span<const std::byte> item) noexcept;
struct Framed {
  std::uint64_t kind = 0;  // an ItemKind, or one of a later version, which is to be passed over
  std::span<const std::byte> bytes;
};
// None at the end, or where it makes no sense: then in.ok() is false.
std::optional<Framed> take_framed(In& in) noexcept;

}  // namespace onelane::inline v0::trace
