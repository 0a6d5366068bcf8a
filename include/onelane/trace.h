// A recording of a journal (JournalOptions::trace), read back: what was pushed, what the ticks made
// of it, and what they would have made of it with other budgets.
//
//   onelane::Result<onelane::Trace> trace = onelane::read_trace("storm.trace");
//   onelane::Budgets budgets = trace->budgets;
//   budgets.tick.hold = std::chrono::milliseconds(5);
//   onelane::Replay then = onelane::predict(*trace, budgets);
//   then.classes[0].total_ns.p99();
//
// Everything here is a value, and needs no journal. Safe from any thread as long as no object is
// changed meanwhile. A trace is not trusted: whatever is in the file, reading it is bounded by its
// size (JournalOptions::trace says how large it may be), and what makes no sense is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// What a journal's ticks go by.
struct Budgets {
  Budget tick;                       // JournalOptions::tick
  std::uint32_t commit_percent = 0;  // JournalOptions::commit_percent; 0 of a manual journal
  std::vector<ClassOptions> classes;
};

// ok, or invalid_argument for the first option outside its limits, or for guarantees that do not
// fit the tick together.
Status validate(const Budgets& budgets);

enum class UnitKind : std::uint8_t { record, group, job };

// A unit that came to the lane. Those that were refused are not in a trace.
struct TracedUnit {
  TimePoint pushed;
  // When it was settled, up to a tick late where that was outside a tick; max(): not before the
  // trace ended.
  TimePoint left = TimePoint::max();
  std::uint64_t bytes = 0;    // of rows, or of one step of the job
  std::uint32_t records = 0;  // 1 of a job
  std::uint32_t site = 0;     // index in Trace::sites
  std::uint32_t steps = 0;    // ticks that took it: of a job that many steps
  // The number of the newer unit of its key that it waited behind, or its own.
  std::uint32_t behind = 0;
  std::uint16_t caller = 0;  // tells threads apart
  std::uint8_t write_class = 0;
  UnitKind kind = UnitKind::record;
  Promise promise = Promise::committed;
  bool caller_waits = false;     // its thread called write(), and goes on once it is settled
  bool waited_for_room = false;  // its push did
  bool served = false;           // a tick settled it; else it was cancelled, expired, superseded...

  bool is_flush() const noexcept { return records == 0 && kind == UnitKind::record; }
};

struct TracedTick {
  TimePoint planned;
  TimePoint began;
  TimePoint ended;
  TimePoint settled;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t log_bytes = 0;  // that it added to SQLite's log
  Duration commit_time{0};
  Duration pause{0};   // that its classes then made for the disk
  bool kept = false;   // not rolled back
  bool paced = false;  // the disk was behind
};

// Something else that held the lane.
struct TracedHold {
  TimePoint at;
  Duration took{0};
};

namespace detail {
struct TraceItems;
}

struct Trace {
  std::string version;  // of the library that recorded it
  TimePoint opened;
  TimePoint last;  // that anything is known of
  Drive drive = Drive::thread;
  Budgets budgets;  // the last ones that were in force
  std::vector<std::string> sites;
  std::vector<TracedUnit> units;  // as they came to the lane: those of a class in its order
  std::vector<TracedTick> ticks;
  std::vector<TracedHold> closing_passes;
  std::vector<TracedHold> syncs;  // beside the ticks
  std::optional<TraceEnd> end;    // none: the file ends without saying why
  std::uint64_t lost_ticks = 0;
  // Empty, or what is wrong with the file, of which the part before that is here.
  std::string damage;
  std::shared_ptr<const detail::TraceItems> items;  // for replay()
};

// Errors:
//   invalid_argument  it is no trace, is of a newer format, or makes no sense
//   storage           it cannot be read
// A trace of which the end is missing or damaged is read up to there; Trace::damage says so.
Result<Trace> read_trace(const std::filesystem::path& path);
// The same of a file that is in memory.
Result<Trace> parse_trace(std::span<const std::byte> bytes);

// How a thread pushed.
struct CallerHabit {
  // What came of the unit before decided when its next one came: it calls write(), or waits for
  // room or for receipts. Else pushes came at times of their own.
  bool closed = false;
  // It mostly had something in the lane, and hardly ever two things: it waits for each unit,
  // whatever TracedUnit::caller_waits says.
  bool one_by_one = false;
};
// By TracedUnit::caller; of those who pushed no unit, nothing. Flushes do not count.
std::map<std::uint16_t, CallerHabit> habits_of(const Trace& trace);

// A class's part in a replay.
struct ReplayedClass {
  std::string name;
  std::uint64_t units = 0;  // that were served
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t refused = 0;  // the class was full
  double units_per_s = 0;     // served, over Replay::span
  Duration held{0};           // its statements
  Histogram wait_ns;          // from push to the BEGIN of the tick that took it
  Histogram total_ns;         // from push to the settled receipt
  // Of predict(): of units that were not settled when it ended, from push to there.
  Histogram unsettled_ns;
};

// Where a replay plans otherwise than the recording.
struct PlanDifference {
  std::uint64_t tick = 0;  // index in Trace::ticks
  std::string what;        // in words: "the hold is 2 ms; it was 1 ms"
};

struct Replay {
  Duration span{0};
  std::uint64_t ticks = 0;
  std::vector<ReplayedClass> classes;
  Histogram hold_ns;  // of ticks
  Duration held{0};   // the sum of holds, closing passes included
  double occupancy = 0;
  std::uint64_t log_bytes = 0;  // added to SQLite's log
  // Of replay(): the first tick that is planned otherwise; none: all plans are the same.
  std::optional<PlanDifference> difference;
  // Of predict(): what was assumed, a sentence each.
  std::vector<std::string> assumptions;
};

// Plans each tick once more, by this library, from what the recorded one was planned from, and
// compares the two; stops at the first difference. Waits and holds are as recorded.
Replay replay(const Trace& trace);

// The same arrivals through the same planning on a virtual clock, with these budgets: one for each
// class of the trace, in its order. What statements and commits take is drawn from what they took
// in the trace, so the same call gives the same result. Error: as validate().
Result<Replay> predict(const Trace& trace, const Budgets& budgets);

// --- Budgets that one wishes for.

enum class Metric : std::uint8_t { p50, p90, p99, max, rate };

// "peers:p99<=20ms": of the time from push to settled receipt; what is not settled when the trace
// ends has taken until there. "blobs:rate>=5000/s": units served.
struct Want {
  std::string write_class;
  Metric metric = Metric::p99;
  double value = 0;  // ns, at most; of Metric::rate units a second, at least
};

// Error: invalid_argument, with what is right.
Result<Want> parse_want(std::string_view text);
std::string to_string(const Want& want);

// A figure that is predicted seven times, with chance falling otherwise; times what the recorded
// run was worse than the predictions of itself.
struct Forecast {
  double median = 0;
  double worse = 0;  // the worst but one
};

// Figures are in the want's unit.
struct WantResult {
  Want want;
  double before = 0;  // as it was recorded
  Forecast after;     // with Tuning::budgets
  bool met = false;   // even by the worst predictions but one
  // Of one that is not: whether budgets were found that meet it alone, and the best of these.
  bool met_alone = false;
  Forecast best_alone;
  // Of one that is not, where the disk was behind at half of the ticks or more: what those budgets
  // would come to on a disk that keeps up. Else 0.
  double with_quick_disk = 0;
};

struct Tuning {
  Budgets budgets;  // as few changes to the recorded ones as were found to do
  std::vector<WantResult> wants;
  bool met = false;  // all of them
  Replay before;
  Replay after;
  // Of wants that cannot be met together: the one without which the others can; or in words why
  // there is none.
  std::string in_the_way;
  std::uint64_t predictions = 0;
};

// Searches budgets that meet all wants, by 15 % if it can: a number of predictions, some hundreds,
// in a fixed order. Errors: invalid_argument for a class that is not there, or a trace that
// read_trace() or parse_trace() did not give; as predict().
Result<Tuning> tune(const Trace& trace, const std::vector<Want>& wants);

}  // namespace onelane::inline v0
