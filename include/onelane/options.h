// What can be set, in which unit, between which limits, and what a wrong value costs.
// validate() names the option, its value and what would be right. A value outside its limits is
// refused as Errc::invalid_argument, by Journal::open, add_class, set_class or set_tick; nothing is
// adjusted silently. Sizes are in bytes. Durations are 0 to 365 days where no other limits are
// named.
//
// Memory. The capacities of the classes bound what is queued. Queued units lie in pools that all
// journals of the process share: each in a block of 384 bytes, with a payload of up to 160 bytes in
// it. Larger payloads, up to 32 KiB, lie in slabs of 256 KiB, and still larger ones in the heap.
// The pools are used again, but they do not shrink while any journal of the process is open: they
// stay as large as the most that was queued at once. Once the last journal is closed, all of it
// goes back to the system but what receipts keep (receipt.h). What the statistics are counted in
// comes on top: 0.1 MiB for each class, as much for each of the up to 128 call sites that pushed
// (call_site.h), and 0.3 MiB for the journal.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onelane/call_site.h"
#include "onelane/clock.h"
#include "onelane/event.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

// How many write classes a journal can have.
inline constexpr std::size_t kClassesMax = 64;

// How much one tick may take, or one class within a tick; the first limit that is met ends it. A
// tick exceeds a budget by at most one unit.
struct Budget {
  std::uint64_t records = 0;  // rows; a job's step counts as one
  std::uint64_t bytes = 0;    // of encoded rows (Row::bytes), and Job::bytes_per_step
  Duration hold{0};           // from BEGIN to the return of COMMIT, predicted from learned costs
};

inline constexpr Budget kDefaultTick{
    .records = 4096, .bytes = 8 * kMiB, .hold = std::chrono::milliseconds(10)};

// What a class with a backlog gets in every tick, whatever the others want; while the disk is
// behind, in every tick that it does not pause for what it added to the log
// (JournalOptions::wal_limit_bytes). A unit larger than this gathers credit at the head of its
// class and is taken within ceil(size / guarantee) ticks, plus at most one for each other class
// (src/schedule/README.md has the derivation, and why that one).
struct Guarantee {
  std::uint64_t records = 16;       // 1 to 1,000,000
  std::uint64_t bytes = 64 * kKiB;  // 1 to 1 GiB
};

// What a push meets when its class is at capacity. A unit that is larger than the whole capacity is
// invalid_argument whatever the policy.
enum class WhenFull : std::uint8_t {
  // Waits for room, at most block_timeout, then Errc::full. Waiting pushes are served in turn, and
  // later ones queue behind them. On a manual journal nobody else would make room: as reject.
  block,
  // Errc::full at once.
  reject,
  // The push is accepted, and the oldest queued unit ends as dropped, at once; several, if the new
  // one is large. Only what cannot be dropped exceeds the capacity (see capacity_records).
  // Errc::full
  // only where there is no memory to look for the oldest.
  drop_oldest,
};

// What a push promises. Receipt::wait() waits for the unit's end, and for durable where that was
// promised; journaled is no end, and has calls of its own (Receipt::wait_journaled()).
enum class Promise : std::uint8_t {
  committed,  // others see it, and it survives the process
  durable,    // it survives a power cut
  // For classes with an intake (ClassOptions::intake): it survives a power cut, and will be
  // committed exactly once, by this journal or the next opening, or refused with its cause on
  // record. Nobody is in a hurry for its commit, so ClassOptions::gather may keep it waiting.
  journaled,
};

// Options of one write class. Journal::set_class changes them, but for name, coalesce and intake.
struct ClassOptions {
  // 1 to 64 characters of [a-z0-9_-], unique in the journal.
  std::string name{};

  // Per tick; both above 0. The guarantees of all classes must fit the tick together: the sum over
  // classes of max(records / tick.records, bytes / tick.bytes) is at most 1. Too small makes the
  // class wait behind others' backlog, too large leaves less to share by weight.
  Guarantee guarantee{};

  // At most this much of a tick goes to the class; a field that is 0 means the tick's own. records
  // up to 1,000,000; bytes up to 1 GiB; hold up to 10 s. What is below the guarantee counts as the
  // guarantee, and what is above the tick's budget as that.
  Budget budget{};

  // The class's share of what the guarantees leave of the lane's time, against other classes with a
  // backlog. 1 to 1000.
  std::uint32_t weight = 1;

  // How long a unit may wait, as far as planning can see to it: ticks are planned shorter so that
  // the next one comes in time, and once a record, or one that waits behind it (see coalesce), is
  // older than this, no newer one can take over from it. 0: no such limit.
  Duration max_delay{0};

  // A gathering window: a tick may wait until the oldest unit of the class is this old, in order to
  // take more at once. 0: a lone write commits at once. Of a class with an intake, the window is
  // open only while all that waits promises no more than journaled. With a second of it, and a
  // tick.hold of 100 ms where no other class is in a hurry, rows with random keys cost the disk a
  // fifth: a page that many of them change is written once.
  Duration gather{0};

  // At least so long from one tick that takes units of the class to the next: it commits at most
  // once in that time, whoever waits, and others' ticks go on without it. Not while a push waits
  // for room, a flush for the class, or close for everything; nor while the intake has no room. Not
  // above max_delay, if there is one. 0: none.
  Duration interval{0};

  // Most that may be queued, pushed but not yet settled: 1 to 100,000,000 records, and 4 KiB to 1
  // TiB. A group counts its rows, a job is one record. Bytes count an entry's whole footprint:
  // 512 for a small record, what is larger rounded up to 64. 0 is not allowed: memory must be
  // bounded.
  //
  // What comes on top:
  //   - A unit that its receipt cancelled gives its room back at once, but its memory only at the
  //     next drain: until then, as much again may be there.
  //   - With drop_oldest, what cannot be dropped: what a running tick has in hand, which is no more
  //     than the capacity again, jobs between their steps, and one unit of each thread that pushes
  //     at that moment.
  //   - With coalesce, one record of each thread that pushes at that moment, in the place of an
  //     older one that the next drain ends.
  //   - At most 4,096 flushes, 384 bytes each; a flush beyond that is Errc::full.
  //   - About 0.9 KB for each thread that pushes to the class, until the journal is closed; later
  //     threads of its id have the same.
  std::uint64_t capacity_records = 65'536;
  std::uint64_t capacity_bytes = 64 * kMiB;

  WhenFull when_full = WhenFull::block;
  // For WhenFull::block, by the machine's clock (clock.h); 0: no waiting.
  Duration block_timeout = std::chrono::seconds(10);

  // The newest queued record of a key keeps its own place, and the older ones wait behind it: they
  // end as superseded once it is committed. If it is rejected, cancelled or expires, the next older
  // one takes over, in the place of the newer; if it ends closed or unknown, so do they. What waits
  // behind others takes capacity as long as there is room: for a push to a full class it ends as
  // superseded at once, the oldest first. A full class takes a record that takes over from an older
  // one, if it takes no more room than that one. For statements with key columns; groups and jobs
  // never coalesce, nor do rows with NULL in one of them, since in SQL no NULL equals another; nor,
  // unless the class is full, a record that a flush waits for with one that was pushed after the
  // flush.
  bool coalesce = false;

  // Of units whose push does not say. With durable, the log is synced soon after they are
  // committed, whether or not somebody waits.
  Promise promise = Promise::committed;

  // Whether the class has an intake: its units are written to a journal of onelane's own, and
  // synced there, before a tick takes them (JournalOptions::intake). Then each is journaled before
  // it is committed, and a committed one is durable with no sync of SQLite's log. Such a class
  // takes no jobs, and does not drop its oldest. Cancelling, and deadlines, act until a unit is
  // written to the intake, and not after. A unit has to fit a segment.
  //
  // add_class refuses it unless IntakeOptions::dead_letters names a table; and on a sink that has
  // no AppliedPositions. It takes writes also while the store takes no commits.
  bool intake = false;
};

// Options of one push, submit or write.
struct PushOptions {
  // By the journal's clock. A unit that no tick has taken by then ends as expired: on a journal
  // with a thread at that time, on a manual one in the next tick. The deadline also bounds the wait
  // for room in a full class. One that has passed is no error: the unit is accepted, and expires.
  std::optional<TimePoint> deadline{};

  // The same, from the call on. If both are given, the earlier counts.
  std::optional<Duration> timeout{};

  // nullopt: ClassOptions::promise.
  std::optional<Promise> promise{};

  // Whose units these are in the statistics: the place that calls push, submit, write or journal,
  // or that makes these options in braces; or a name, .site = "on_connect".
  CallSite site = CallSite::here();
};

// When a commit is durable.
enum class Synchronous : std::uint8_t {
  normal,  // a commit survives the process; it is made durable beside the next ticks, if wanted
  full,    // a commit is durable when it returns
  // As full, on a device whose power cut can damage what lies beside the sector that it writes:
  // each commit is padded to a sector's end. Refused where the database's pages are smaller.
  paranoid,
};

// Who runs the ticks.
enum class Drive : std::uint8_t {
  // The journal's own committer thread, and waiting callers (callers_commit). Two threads more sync
  // and checkpoint.
  thread,
  // Only tick(), and what waits for ticks: it runs them on the caller's thread, as far as they are
  // due. There are no threads, and nothing blocks: a call that would is refused as
  // Errc::would_block, or Errc::full. For tests, and for programs that have a loop of their own.
  manual,
};

// What opening does where the intake and the database do not fit together: the database is older
// than what the intake knew to be durable in it (a backup was restored), or the intake that it had
// is gone.
enum class IntakeMismatch : std::uint8_t {
  refuse,  // Errc::invalid_argument, with what was found
  // Applies what the intake still has, if that follows what the database has without a gap.
  roll_forward,
  // Removes the intake's files, if there are any: units that only the intake had are lost.
  discard,
};

// The intake: a write-ahead journal in front of the database's own log, for the classes that ask
// for it (ClassOptions::intake). It is made with the first such class. Opening applies what it
// finds there, before anything else is pushed.
struct IntakeOptions {
  // Where its files are: a folder of its own, which is made in an existing one. Empty: beside the
  // database, with "-intake" after the database's name; on a sink of your own it must be named.
  std::filesystem::path folder{};

  // Of one file. A unit has to fit one, with about 12 KiB for the rest and the texts of its
  // statements. 64 KiB to 1 GiB, a multiple of 4 KiB.
  std::uint64_t segment_bytes = 8 * kMiB;

  // Of all files: two segments to 1 TiB. What is journaled and not yet durable in the database
  // takes room here; while there is none, nothing more is journaled, and the classes fill up. It
  // also bounds how long the next opening takes.
  std::uint64_t most_bytes = 64 * kMiB;

  // Two tables, each 1 to 64 letters, digits and _, no digit first, made if there are none. How far
  // each class is applied, in each commit:
  std::string positions = "onelane_intake";
  // Journaled units that the database refused: (class TEXT, position INTEGER, statement TEXT, row
  // TEXT, cause TEXT, time INTEGER), a row for each of a unit's, its values as SQL writes them, the
  // time in milliseconds since 1970. Empty: none, and no class may have an intake.
  std::string dead_letters{};

  IntakeMismatch on_mismatch = IntakeMismatch::refuse;
};

// A recording of what was pushed and of what the ticks made of it, for onelane/trace.h and the
// commands "onelane replay" and "onelane tune". It holds sizes, times, names of classes and call
// sites, and no row. Takes up to 8 MiB of memory, and no tick waits for its file.
struct TraceOptions {
  // A file that must not exist yet; it is private to the user. Empty: nothing is recorded.
  std::filesystem::path path{};

  // Of the file. The recording ends before it would be larger: the file says so, and
  // JournalStats::trace. A unit takes some 4 bytes, a tick some 60. 64 KiB to 1 GiB.
  std::uint64_t most_bytes = 64 * kMiB;
};

class Transaction;

// One step of the program's schema, from the version before to the next.
struct Migration {
  // At which the database is afterwards, as PRAGMA user_version has it: 1 to 2,147,483,647.
  std::int32_t version = 0;
  // One or more statements, or none.
  std::string sql{};
  // Called after those, in the same transaction; may be empty. What it returns or throws fails the
  // opening.
  std::function<Status(Transaction&)> step{};
};

// Options of a journal; they stay as they are once it is open, but for tick (Journal::set_tick).
struct JournalOptions {
  // SQL run at open in one transaction, before anything else: CREATE TABLE IF NOT EXISTS and the
  // like. Where the database is not in WAL mode yet, it is tried and rolled back first, so that an
  // error in it changes nothing.
  std::string schema{};

  // In ascending order of versions. Opening runs those above the database's own version, in the
  // lane's first transactions, one each, which set the version, too. `schema` has run by then, and
  // what an intake had left is applied. Keys are not enforced meanwhile, so that a table can be
  // replaced that others refer to; but the whole database is checked at the end of each, and a row
  // whose key refers to nothing, however old it is, fails the migration.
  // One that fails leaves the database at the version before, and nothing is opened. A database
  // above the last of them was made by a newer program, and is refused. Empty: versions are not
  // looked at.
  std::vector<Migration> migrations{};

  // Permissions of the database's file, if it is made here, and of SQLite's files beside it. The
  // intake is private to the user in any case.
  std::filesystem::perms file_mode =
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;

  // The budget of one tick: records 1 to 1,000,000, bytes 4 KiB to 1 GiB, hold 100 us to 10 s; what
  // is 0 is as in kDefaultTick. A longer hold means more throughput and a longer wait for
  // everybody.
  Budget tick{};

  // How much of a tick the fixed part of its commit may take, in percent, 0 to 100: ticks are
  // planned no longer than that needs, at the cost that was learned, since a longer one only makes
  // others wait; at least 1 ms, at most tick.hold. 0, and on a manual journal: up to tick.hold, as
  // ticks always are in which everything is journaled and promises no more.
  std::uint32_t commit_percent = 4;

  Synchronous synchronous = Synchronous::normal;
  Drive drive = Drive::thread;

  // Whether a caller that waits for a receipt may run a tick itself while the lane is idle, and a
  // sync; and while it waits for a sync that runs, ticks that take no longer than one. Waking
  // another thread costs a lone write two to four times its own time.
  bool callers_commit = true;

  // How long the destructor drains, and so may block. 0: it settles what is queued as closed at
  // once.
  Duration close_timeout = std::chrono::seconds(10);

  // PRAGMA foreign_keys. Each unit must leave no deferred violation behind, or it is rejected.
  bool foreign_keys = true;

  // How large SQLite's log may become, in bytes, and a quarter more at the most; the journal copies
  // it back in good time, and lets classes pause that add more than the disk takes, each for what
  // it added, up to 10 s at once (not on a manual journal, nor while it closes). 1 MiB to 1 TiB.
  // Smaller means more syncs for the same writes, and a smaller one to read through for others;
  // larger, longer recovery after a crash. While a reader stays on an old snapshot, SQLite cannot
  // restart the log: then it grows beyond this, and JournalStats::log says so.
  std::uint64_t wal_limit_bytes = 64 * kMiB;

  // A file beside the database, "-ballast", that takes up so many bytes of the disk for the day on
  // which it is full: then it is given up, so that what the log holds can be copied back, which
  // needs room in the database first. Until there is room for it again nothing more is committed.
  // As much as wal_limit_bytes is enough for certain. Up to 1 TiB; 0: none, and a full disk may
  // stay full until somebody makes room. A healthy close removes it.
  std::uint64_t ballast_bytes = 0;

  // A table to keep the number of the newest commit in, per opening, for Journal::commits_of(): 1
  // to 64 letters, digits and _, no digit first; made if there is none, as (epoch INTEGER PRIMARY
  // KEY, commits INTEGER NOT NULL). One of another shape is invalid_argument. If it is dropped or
  // emptied later, the next commit makes it and this opening's row again; what cannot be written to
  // holds up all units until it is put right, as a full disk does. It costs each commit a page
  // more. Empty: none.
  std::string watermark_table{};

  // For classes with an intake.
  IntakeOptions intake{};

  // A path that exists, or cannot be made, is refused.
  TraceOptions trace{};

  // Told of what an operator must know (event.h). Empty: nobody is.
  EventHandler on_event{};

  // Null: steady_clock(). Shared, since receipts may outlive the journal. Deadlines, gathering
  // windows and measured times go by it. Threads sleep by the machine's monotonic clock whatever is
  // set here, and so the timeouts of blocked calls run out by that one (clock.h).
  std::shared_ptr<const Clock> clock{};
};

// ok, or invalid_argument for the first option that is outside its limits. Any thread.
Status validate(const JournalOptions& options);
// Of one class by itself; that the guarantees fit the tick together is checked by add_class.
Status validate(const ClassOptions& options);

}  // namespace onelane::inline v0
