// What can be set, in which unit, between which limits, and what a wrong value costs.
// validate() names the option, its value and what would be right.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "onelane/clock.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

// Most write classes of one journal.
inline constexpr std::size_t kClassesMax = 64;

// How much one tick may take, or one class within a tick; the first limit that is met ends it. A
// tick exceeds a budget by at most one unit.
struct Budget {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // encoded row bytes
  Duration hold{0};         // from BEGIN to the return of COMMIT, predicted from learned costs
};

// What a class with a backlog gets in every tick, whatever the others want. A unit larger than this
// gathers credit at the head of its class and is taken within ceil(size / guarantee) ticks, plus at
// most one for each other class (src/schedule/README.md has the derivation, and why that one).
struct Guarantee {
  std::uint64_t records = 16;
  std::uint64_t bytes = 64 * kKiB;
};

// What a push meets when its class is at capacity.
enum class WhenFull : std::uint8_t {
  block,        // waits for room, at most block_timeout, then Errc::full
  reject,       // Errc::full at once
  drop_oldest,  // is taken; the oldest queued unit ends as dropped, at once
};

// What waiting for a receipt waits for.
enum class Promise : std::uint8_t {
  committed,  // others see it, and it survives the process
  durable,    // it survives a power cut
};

struct ClassOptions {
  // 1 to 64 characters of [a-z0-9_-], unique in the journal.
  std::string name{};

  // Per tick; both above 0. The guarantees of all classes must fit the tick together: the sum over
  // classes of max(records / tick.records, bytes / tick.bytes) is at most 1. Too small makes the
  // class wait behind others' backlog, too large leaves less to share by weight.
  Guarantee guarantee{};

  // At most this much of a tick goes to the class; a field that is 0 means the tick's own.
  Budget budget{};

  // The class's share of what the guarantees leave of the lane's time, against other classes with a
  // backlog. 1 to 1000.
  std::uint32_t weight = 1;

  // How long a unit may wait, as far as planning can see to it: ticks are planned shorter so that
  // the next one comes in time, and once a record, or one that waits behind it (see coalesce), is
  // older than this, no newer one can take over from it. 0: no such limit.
  Duration max_delay{0};

  // A gathering window: a tick may wait until the oldest unit of the class is this old, in order to
  // take more at once. 0: a lone write commits at once.
  Duration gather{0};

  // Most that may be queued, pushed but not yet settled. Bytes count an entry's whole footprint. A
  // unit that its receipt cancelled gives its room back at once, but its memory only at the next
  // drain: until then, as much again may be there. At most 4,096 flushes may wait beside this. With
  // drop_oldest, what a running tick has in hand comes on top, and so do jobs between their steps
  // and one unit of each thread that pushes at that moment: they cannot be dropped. 0 is not
  // allowed: memory must be bounded. Beside all this each thread that pushes has about 0.9 KB in
  // each class that it pushes to, until the journal is closed; later threads of its id have the
  // same.
  std::uint64_t capacity_records = 65'536;
  std::uint64_t capacity_bytes = 64 * kMiB;

  WhenFull when_full = WhenFull::block;
  Duration block_timeout = std::chrono::seconds(10);  // for WhenFull::block; 0: no waiting

  // The newest queued record of a key keeps its own place, and the older ones wait behind it: they
  // end as superseded once it is committed. If it is rejected, cancelled or expires, the next older
  // one takes over, in the place of the newer; if it ends closed or unknown, so do they. What waits
  // behind others takes capacity as long as there is room: for a push to a full class it ends as
  // superseded at once, the oldest first. A full class takes a record that takes over from an older
  // one in any case. For statements with key columns; groups and jobs never coalesce, nor do rows
  // with NULL in one of them, since in SQL no NULL equals another; nor, unless the class is full, a
  // record that a flush waits for with one that was pushed after the flush.
  bool coalesce = false;

  // Of units whose push does not say. With durable, the log is synced soon after they are
  // committed, whether or not somebody waits.
  Promise promise = Promise::committed;
};

struct PushOptions {
  // By the journal's clock: a unit that no tick has taken by then ends as expired. Also bounds the
  // wait for room in a full class.
  std::optional<TimePoint> deadline{};

  // None: the class's.
  std::optional<Promise> promise{};
};

enum class Synchronous : std::uint8_t {
  normal,  // a commit survives the process; it is made durable beside the next ticks, if wanted
  full,    // a commit is durable when it returns
  // As full, on a device whose power cut can damage what lies beside the sector that it writes:
  // each commit is padded to a sector's end. Refused where the database's pages are smaller.
  paranoid,
};

enum class Drive : std::uint8_t {
  thread,  // the journal runs its own committer thread
  manual,  // only tick(), flush() and close() run ticks, on the caller's thread; nothing blocks
};

struct JournalOptions {
  // SQL run at open in one transaction, before anything else: CREATE TABLE IF NOT EXISTS and the
  // like. Where the database is not in WAL mode yet, it is tried and rolled back first, so that an
  // error in it changes nothing.
  std::string schema{};

  // Of one tick. records 1 to 1,000,000; bytes 4 KiB to 1 GiB; hold 100 us to 10 s. A longer hold
  // means more throughput and a longer wait for everybody.
  Budget tick{.records = 4096, .bytes = 8 * kMiB, .hold = std::chrono::milliseconds(10)};

  Synchronous synchronous = Synchronous::normal;
  Drive drive = Drive::thread;

  // Whether a caller that waits for a receipt may run a tick itself while the lane is idle, and a
  // sync; and while it waits for a sync that runs, ticks that take no longer than one. Waking
  // another thread costs a lone write two to four times its own time.
  bool callers_commit = true;

  // How long the destructor drains. 0: it settles what is queued as closed at once.
  Duration close_timeout = std::chrono::seconds(10);

  // PRAGMA foreign_keys. Each unit must leave no deferred violation behind, or it is rejected.
  bool foreign_keys = true;

  // How large SQLite's log may become, in bytes; the checkpointer copies it back in good time. 1
  // MiB to 1 TiB. Smaller means more syncs for the same writes, and a smaller one to read through
  // for others; larger, longer recovery after a crash. A reader that stays on an old state keeps
  // the log from beginning anew: then it grows beyond this, and JournalStats::log says so.
  std::uint64_t wal_limit = 64 * kMiB;

  // A file beside the database, "-ballast", that takes up so many bytes of the disk for the day on
  // which it is full: then it is given up, so that what the log holds can be copied back, which
  // needs room in the database first. Until there is room for it again nothing more is committed.
  // As much as wal_limit is enough for certain. Up to 1 TiB; 0: none, and a full disk may stay full
  // until somebody makes room. A healthy close removes it.
  std::uint64_t ballast = 0;

  // A table to keep the number of the newest commit in, per opening, for Journal::commits_of(): 1
  // to 64 letters, digits and _, no digit first; made if there is none, as (epoch INTEGER PRIMARY
  // KEY, commits INTEGER NOT NULL). One of another shape is invalid_argument. If it is dropped or
  // emptied later, the next commit makes it and this opening's row again; what cannot be written to
  // holds up all units until it is put right, as a full disk does. It costs each commit a page
  // more. Empty: none.
  std::string watermark_table{};

  // Null: steady_clock(). Shared, since receipts may outlive the journal.
  std::shared_ptr<const Clock> clock{};
};

Status validate(const JournalOptions& options);
// Of one class by itself; that the guarantees fit the tick together is checked by add_class.
Status validate(const ClassOptions& options);

}  // namespace onelane::inline v0
