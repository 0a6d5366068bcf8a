// What a journal did: a snapshot since it was opened, and what single calls report. Plain values;
// taking one never waits for the lane. Counters never go back. They are read one by one while the
// journal runs, ends before what was accepted, so that at any time accepted >= the sum of the ends.
// Durations are by the journal's clock, sizes in bytes.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/clock.h"
#include "onelane/event.h"
#include "onelane/journey.h"
#include "onelane/options.h"
#include "onelane/receipt.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// A log-linear histogram of non-negative integers: exact below 64, then 32 buckets an octave, so
// that a percentile is at most 3.2 % above the true value. Takes up to 15 KiB from its first value
// on, and nothing before. Not thread-safe: a thread that records needs one of its own.
class Histogram {
 public:
  // Adds a value. The first one may throw std::bad_alloc, and is not counted then.
  void record(std::uint64_t value);
  void record(Duration value);  // nanoseconds; below 0 counts as 0
  // As if all values of the other one had been recorded here. May throw std::bad_alloc, and changes
  // nothing then.
  void merge(const Histogram& other);
  // What was recorded since `before`, an older state of this histogram. Its max() is the bound of
  // the largest value's bucket, but never above this one's.
  Histogram since(const Histogram& before) const;

  std::uint64_t count() const noexcept { return count_; }  // of values
  std::uint64_t max() const noexcept { return max_; }      // exact; 0 if there are none
  std::uint64_t sum() const noexcept { return sum_; }      // modulo 2^64
  // How many values lie in each bucket, up to the last that has any; empty while there are none.
  const std::vector<std::uint64_t>& counts() const noexcept { return counts_; }
  // The smallest bucket bound that at least `fraction` (0 to 1) of the values do not exceed, never
  // above max(); 0 if there are none.
  std::uint64_t percentile(double fraction) const noexcept;
  std::uint64_t p50() const noexcept { return percentile(0.50); }
  std::uint64_t p90() const noexcept { return percentile(0.90); }
  std::uint64_t p99() const noexcept { return percentile(0.99); }

  // Buckets are numbered by value: that of a value, and the largest value of a bucket.
  static constexpr std::size_t kBuckets = 64 + 58 * 32;
  static std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < kExact) return static_cast<std::size_t>(value);
    const auto octave = static_cast<unsigned>(std::bit_width(value)) - 1;
    const std::uint64_t sub = (value >> (octave - kSubBits)) - (1ULL << kSubBits);
    return static_cast<std::size_t>(kExact + ((octave - kSubBits - 1) << kSubBits) + sub);
  }
  static std::uint64_t upper_bound_of(std::size_t bucket) noexcept;

  // Rebuilds a histogram from counts per bucket, as kept elsewhere: at most kBuckets of them. `sum`
  // and `max` are those of the values, which the counts do not tell exactly.
  static Histogram from(std::vector<std::uint64_t> counts, std::uint64_t sum, std::uint64_t max);

 private:
  static constexpr unsigned kSubBits = 5;                    // 32 buckets an octave
  static constexpr std::uint64_t kExact = 2ULL << kSubBits;  // below this a bucket holds one value

  std::vector<std::uint64_t> counts_;  // at most kBuckets; what is not there is 0
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

// What a class, or a call site, did within a time: since the journal was opened, in the last 60 s,
// in the last 10 s. The last two are up to 5 s longer, or as long as the journal was open, and have
// a quarter of a Histogram's buckets: a percentile of theirs is up to 13 % above the true value,
// and one above half an hour says no more than that.
struct Activity {
  Duration span{0};  // how long that time was
  // Units that were accepted and reached the lane, or were refused: these count in a window once
  // another is accepted.
  std::uint64_t offered = 0;
  std::uint64_t ended = 0;    // units that were settled, but for cancelled ones
  std::uint64_t commits = 0;  // that held any of it
  Duration held{0};           // the lane's time: its statements, and its part of BEGIN and COMMIT
  Histogram wait_ns;          // from push to the BEGIN of the tick that took the unit
  Histogram total_ns;         // from push to the settled receipt

  double offered_per_s() const;
  double share_of_lane() const;  // held / span, 0 to 1
};

// Five seconds of a class.
struct ActivityPoint {
  TimePoint from;
  Duration span{0};  // less than 5 s only of the newest
  std::uint64_t offered = 0;
  std::uint64_t ended = 0;
  Duration held{0};
  std::uint64_t wait_p50_ns = 0;  // 0 where nothing ended
  std::uint64_t wait_p99_ns = 0;
  std::uint64_t wait_max_ns = 0;
};

// Units of one class that one place in the program pushed.
struct CallSiteStats {
  std::uint32_t write_class = 0;  // index in JournalStats::classes
  std::string label;              // "peers.cc:42 on_connect", the name that was given, or "other"
  Activity all;                   // since the journal was opened
  Activity minute;
  Activity recent;  // the last 10 s
};

// A class's part in a tick.
struct TickPart {
  std::uint32_t write_class = 0;  // index in JournalStats::classes
  std::uint64_t units = 0;        // applied, or tried
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  Duration statements{0};  // how long they ran
};

// A tick that held the lane long.
struct TickStats {
  TimePoint began;  // its BEGIN
  Duration hold{0};
  Duration statements{0};    // of the hold
  Duration commit_time{0};   // BEGIN's and COMMIT's own
  std::uint64_t commit = 0;  // its number; 0: it was rolled back
  std::uint32_t attempts = 0;
  std::string longest_step;  // the name of the job with the longest step in it, if there was one
  Duration longest_step_time{0};
  std::vector<TickPart> parts;  // longest first
};

// A unit that took long, and what the lane did between its push and its tick.
struct SlowUnitStats {
  std::uint32_t write_class = 0;  // index in JournalStats::classes
  std::string label;              // of its call site
  TimePoint pushed;
  Duration wait{0};
  Duration total{0};
  std::uint64_t commit = 0;  // that holds it; 0: it was not committed
  WaitedBehind behind;       // as far as the last 512 ticks tell
};

// Units of a class that ended as rejected or incomplete, for one reason.
struct RejectionStats {
  std::uint64_t units = 0;
  Status last;     // the newest cause: the reason is its code() and sqlite_code()
  TimePoint when;  // that was
};

// What became of one class's units. A job is one unit here, however many steps it has.
struct ClassStats {
  std::string name;
  std::uint64_t offered = 0;   // pushes, submits and writes, whatever came of them: units
  std::uint64_t accepted = 0;  // = the sum of ends + in_flight
  std::uint64_t refused = 0;   // full, closed, poisoned or invalid: never accepted
  // How many were settled as what, indexed by End.
  std::array<std::uint64_t, kEndCount> ends{};
  // Why units were rejected, by reason. After the 16th, others are counted with the last one.
  std::vector<RejectionStats> rejections;
  std::uint64_t in_flight = 0;       // accepted, and not settled yet
  std::uint64_t queued_records = 0;  // against capacity_records
  // The footprint of what is in flight, against capacity_bytes. Rounded up to 64 bytes a unit.
  std::uint64_t queued_bytes = 0;
  Histogram wait_ns;          // from push to the BEGIN of the tick that took the unit
  Histogram total_ns;         // from push to the settled receipt, but for cancelled ones
  std::uint64_t commits = 0;  // that held any of it
  Duration held{0};           // the lane's time, as in Activity
  Activity minute;
  Activity recent;                      // the last 10 s
  std::vector<ActivityPoint> timeline;  // of the last 60 s, oldest first
  // What the lane did while at least one unit of the class was waiting: since the journal was
  // opened, and in the last 60 s.
  WaitedBehind behind;
  WaitedBehind behind_minute;
  // The most ticks within which the last unit of a full queue is taken, if the queue is full of
  // records of the size capacity_bytes / capacity_records; derived in src/schedule/README.md. Ticks
  // in which the class pauses for the disk (JournalOptions::wal_limit_bytes) do not count.
  std::uint64_t worst_wait_ticks = 0;

  // Of a class with an intake: positions (the number of a unit in its class, across openings).
  std::uint64_t journaled_position = 0;  // of the newest that is journaled; 0: none ever was
  std::uint64_t applied_position = 0;    // up to here all are in the database, or dead letters
  std::uint64_t dead_letters = 0;        // units, since the class was added

  ClassOptions options;       // in force
  std::uint64_t changes = 0;  // of them: calls of Journal::set_class that succeeded

  // How many units were settled as `which`.
  std::uint64_t end(End which) const { return ends[static_cast<std::size_t>(which)]; }
};

// Why a tick took no more than it did.
enum class TickEnd : std::uint8_t {
  drained,    // nothing was left
  records,    // the tick's record budget
  bytes,      // the tick's byte budget
  hold,       // the tick's predicted or measured hold
  max_delay,  // planned shorter for the sake of another class
  share,      // every class with a backlog met its own budget, or waits for a job's next tick
  failed,     // rolled back; its units were queued again or settled
};
inline constexpr std::size_t kTickEndCount = static_cast<std::size_t>(TickEnd::failed) + 1;

// The end's name as it is written above, "drained". Stable.
std::string_view name(TickEnd end) noexcept;

// A process with a read transaction that began before the newest commit: SQLite's checkpoints
// cannot copy back what was written to the log since then.
struct LogReader {
  std::int64_t pid = 0;  // this process's own: a connection of the program, not of the journal
  std::string name{};    // of the program, where the system tells
};

// How long the disk takes for something: a floor, however little it is, and a rate beyond that, in
// bytes a second. 0: nothing was learned yet.
struct DiskTimeStats {
  Duration floor{0};
  double bytes_per_s = 0;
};

// What was learned of the disk under the journal, from the last few times.
struct DiskStats {
  DiskTimeStats log;       // a sync of the log, by the bytes added to it since the one before
  DiskTimeStats database;  // copying a part of the log back and syncing the copy, by that part
};

// SQLite's log (the "-wal" file) and the checkpoints that copy it back.
struct LogStats {
  std::uint64_t limit_bytes = 0;    // JournalOptions::wal_limit_bytes
  std::uint64_t bytes = 0;          // in the log now, as far as others' commits were looked for
  std::uint64_t bytes_max = 0;      // the most so far
  std::uint64_t written_bytes = 0;  // to it by the journal's commits, all in all
  std::uint64_t passes = 0;         // that copied while others committed
  std::uint64_t closings = 0;       // passes that held the lane; part of JournalStats::hold_ns, too
  Histogram closing_hold_ns;
  std::uint64_t late_closings = 0;  // of these, longer than their budget (src/engine/README.md)
  DiskStats disk;
  // A reader that stays on an old state: what it keeps in the log, since when, and who it may be.
  std::uint64_t pinned_bytes = 0;  // 0: nobody does
  std::optional<TimePoint> pinned_since;
  std::vector<LogReader> readers;  // who read, when it was last found
  Status blocked;     // ok, or why the last pass could not run: somebody else writes, no room, ...
  bool full = false;  // the disk had no room, and the log is not copied back yet
  std::uint64_t ballast_bytes = 0;  // of JournalOptions::ballast_bytes that are there now
  std::string hazard;               // what is wrong with this version's checkpoints, if anything is
};

// The intake: see JournalOptions::intake. All 0 while no class has one.
struct IntakeStats {
  std::uint64_t segments = 0;  // files, spare ones included
  std::uint64_t bytes = 0;     // on the disk that are not free for use: applied soon, or not yet
  std::uint64_t written_bytes = 0;  // by this opening, with padding
  std::uint64_t padding_bytes = 0;  // of these
  std::uint64_t units = 0;          // that were journaled
  std::uint64_t waits = 0;          // of groups, for a segment to become free
  Histogram units_per_group;
  Histogram sync_ns;  // a group's write and sync
  // When the oldest unit that is not committed yet was journaled, or a little before.
  std::optional<TimePoint> oldest;
  // Units that the opening found, and committed; or refused, and put among the dead letters.
  std::uint64_t replayed = 0;
  std::uint64_t replayed_letters = 0;  // of these, the refused ones
  Duration replay{0};                  // how long that took
};

// Writers that did not come through the lane.
struct ForeignStats {
  std::uint64_t changes = 0;  // times that the database had changed without us before a tick
  // Times that somebody else's write lock kept the lane waiting; at a server, any lock.
  std::uint64_t lock_waits = 0;
  Histogram lock_wait_ns;  // how long each of these was
};

// A session of the server that has a lock.
struct LockHolder {
  std::int64_t pid = 0;  // of its process there
  std::string name{};    // that its program gave itself
};

// The server, of a sink that writes to one.
struct ServerStats {
  std::string name;               // where it is; empty: the store is no server
  std::uint64_t connections = 0;  // that were made: the first, and one for each that was lost
  // From the end of a request to its last reply. A tick is a request, or several.
  Histogram answer_ns;
  std::vector<LockHolder> lock_holders;  // of the last lock that kept the lane waiting
};

// Why a recording ended.
enum class TraceEnd : std::uint8_t {
  closed,  // with the journal
  size,    // TraceOptions::most_bytes
  behind,  // the disk took it slower than it came, and there was no more room in memory
  failed,  // its file could not be written, or there was no memory
};
inline constexpr std::size_t kTraceEndCount = static_cast<std::size_t>(TraceEnd::failed) + 1;

// The end's name as it is written above, "closed". Stable.
std::string_view name(TraceEnd end) noexcept;

// The recording: see JournalOptions::trace. All 0 without one.
struct TraceStats {
  std::uint64_t bytes = 0;        // of the file
  std::uint64_t ticks = 0;        // that are in it, or on their way there
  std::uint64_t lost_ticks = 0;   // since it ended
  std::optional<TraceEnd> ended;  // none: it goes on
};

// What Journal::stats() gives. Takes 90 KiB for each class and each call site, and 100 KiB beside.
struct JournalStats {
  TimePoint when;                         // it was taken
  std::vector<ClassStats> classes;        // in the order of add_class
  std::vector<CallSiteStats> call_sites;  // class by class
  // Of the current minute and the one before it: the slowest first, at most 8 each.
  std::vector<TickStats> slowest_ticks;
  std::vector<SlowUnitStats> slowest_units;
  ForeignStats foreign;

  Budget tick;                     // in force, with the defaults for what was 0
  std::uint64_t tick_changes = 0;  // of it: calls of Journal::set_tick that succeeded

  std::uint64_t epoch = 0;      // of this opening, where a watermark is kept; else 0
  std::uint64_t committed = 0;  // the number of the newest commit of this opening
  std::uint64_t durable = 0;    // commits up to this number survive a power cut
  std::uint64_t ticks = 0;      // that reached BEGIN
  std::array<std::uint64_t, kTickEndCount> tick_ends{};  // how many for which reason, by TickEnd
  std::uint64_t caller_ticks = 0;                        // of these, run by a waiting caller
  std::uint64_t attempts = 0;   // transactions begun; above ticks where units were rejected
  std::uint64_t conflicts = 0;  // of these, that lost to others' and were run again as they were
  std::uint64_t busy = 0;       // BEGINs that found the database locked by somebody else
  std::uint64_t fences = 0;     // commits that settled what a failed COMMIT had left unknown
  std::uint64_t overlong_steps = 0;  // job steps longer than the tick's hold
  std::string longest_step;          // the name of the job with the longest step so far
  Duration longest_step_time{0};

  Histogram sync_ns;  // of syncs that make commits durable after their COMMIT
  // BEGIN to the return of COMMIT; of ticks, of closing passes, and of the commits without units
  // that restart SQLite's WAL
  Histogram hold_ns;
  Histogram units_per_tick;  // applied in it, even if it was rolled back then
  Histogram bytes_per_tick;  // of their encoded rows
  Duration held{0};          // sum of holds
  Duration open{0};          // since the journal was opened
  double occupancy = 0;      // held / open, 0 to 1
  LogStats log;              // of a sink with a log
  IntakeStats intake;
  TraceStats trace;
  ServerStats server;

  Status poison;  // ok, or the first error

  // For a log, in one line: commits, lane and log, then each class with what became of its units.
  std::string to_string() const;

  // What happened between two snapshots of one journal, of which `before` is the older: counters,
  // times and histograms are those of the interval (of a histogram's largest value, the bucket's
  // bound is known); what says how things are now stays as it is here. A class or a call site that
  // was not there before counts from zero.
  JournalStats since(const JournalStats& before) const;
};

// Whether all is well with a journal, in short: what JournalOptions::on_event would have told last.
struct Health {
  // The gravest of the conditions that hold now; none: all is well.
  std::optional<Condition> condition;
  Status cause;  // ok if all is well
  bool ok() const noexcept { return !condition; }
};

// What one call of Journal::tick() did.
struct TickReport {
  std::uint64_t units = 0;        // settled or taken further by one step
  bool more = false;              // there is more to do now
  std::optional<TimePoint> next;  // else, when there will be, if time alone brings it
};

// What a close could not copy back from the log. It is committed, and the next opening finds it.
struct LogLeft {
  std::uint64_t bytes = 0;         // 0: nothing stays
  Status why{};                    // ok if nothing stays; else who keeps it, in words
  std::vector<LogReader> readers;  // who read then
};

// What close() found, over all classes since the journal was opened.
struct CloseReport {
  std::array<std::uint64_t, kEndCount> ends{};  // indexed by End; units
  // ok: all was settled, and the database is closed. poisoned or storage: the first error.
  // timed_out: the time was over before all was drained. in_lane, forked or invalid_argument: this
  // call closed nothing, and the report is empty.
  Status status;
  LogLeft log{};  // of a journal that was not poisoned

  // How many units were settled as `which`.
  std::uint64_t end(End which) const { return ends[static_cast<std::size_t>(which)]; }
  // For a log, in one line.
  std::string to_string() const;
};

}  // namespace onelane::inline v0
