// Runs one tick's units in one transaction. It knows entries and the sink, no queue and no plan:
// its caller decides which units, in which order, and when to end early.
//
// A culprit is a unit whose failure cannot be undone by itself, or that ends the transaction. It is
// rejected, and the rest runs again. A flood of culprits costs its own class, and the tick keeps
// its hold:
// - after a class's first culprit its records run sheltered: most of its other culprits are then
//   rejected where they stand. Those that end the transaction itself are not;
// - after culprit number kCulpritsMax what follows of the class waits for the next tick. So a tick
//   makes at most 1 + kCulpritsMax attempts for each class that has culprits;
// - the stop rule counts the time of the attempts that failed.
//
// A record that is not applied gives way, in its place, to the next older one of its key that waits
// behind it (Entry::behind), and is not tried again in this tick: what comes before it is the same.
// The older one is in no plan: where the stop rule would end the tick, it and what follows of its
// class wait for the next tick.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "onelane/clock.h"
#include "onelane/sink.h"
#include "src/commit/failure.h"
#include "src/commit/pipelined.h"
#include "src/model/entry.h"

namespace onelane::inline v0::commit {

using detail::Entry;

enum class Verdict : std::uint8_t {
  left,      // not executed: the tick ended before it
  deferred,  // not executed, though those ahead of it were rejected: the tick had no time for it
  gone,      // not executed: its receipt had cancelled it, or it expired
  applied,   // in the transaction
  rejected,  // its own fault; nothing of it is in the transaction
  culprit,   // the same, and it took the transaction along: never run again
};

// A unit of the tick. The first four are given, the rest is what became of it; the outcome itself
// is in the entry.
struct Work {
  Entry* entry = nullptr;   // if it does not lead, those ahead of it gave way to it
  std::uint32_t slice = 0;  // units of one slice follow each other
  bool guaranteed = false;  // the tick never ends before it
  bool asks = false;        // before it the stop rule is asked: the tick may end there

  bool taken = false;  // the ticket is ours: settle it or put it back
  Verdict verdict = Verdict::left;
};

// Before a unit that asks: whether the tick should end here.
using StopRule = std::function<bool(const Work& next, Duration elapsed, std::uint64_t records,
                                    std::uint64_t bytes)>;

// What a transaction says besides, of units that were journaled (src/intake): how far their classes
// are applied, and which of them were refused. So a crash can tell each of them apart.
class JournaledUnits {
 public:
  JournaledUnits() = default;
  JournaledUnits(const JournaledUnits&) = delete;
  JournaledUnits& operator=(const JournaledUnits&) = delete;
  virtual ~JournaledUnits() = default;

  // Once the units have run: whether a commit has anything to say of them. If so, it is needed even
  // if none was applied. Throws bad_alloc.
  virtual bool owed(std::span<const Work> work) = 0;
  // Says it, in the transaction.
  virtual Reply write() = 0;
};

struct SliceTime {
  std::uint64_t units = 0;    // applied, or failed
  std::uint64_t applied = 0;  // of these
  std::uint64_t records = 0;  // of all
  std::uint64_t bytes = 0;
  Duration elapsed{0};    // its statements, without lock_wait
  Duration lock_wait{0};  // in them, for somebody else's lock at a server
  Duration held{0};       // the lane: these, and its part of BEGIN and COMMIT
};

// By what a tick's time is divided among what is in it: a record costs about as much as so many
// bytes.
inline std::uint64_t weight_of(std::uint64_t records, std::uint64_t bytes) {
  return bytes + 256 * records;
}
// That part of a time; none of it where there is no whole.
inline Duration part_of(Duration time, std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return Duration(0);
  const double share = static_cast<double>(part) / static_cast<double>(whole);
  return Duration(static_cast<Duration::rep>(share * static_cast<double>(time.count())));
}

struct TickResult {
  Action action = Action::proceed;  // proceed: committed, or nothing was to be done
  Status cause;                     // of any other action
  const Entry* suspect = nullptr;   // of back_off, the unit in whose statement it failed, if in one
  bool transaction = false;         // whether BEGIN was reached
  bool committed = false;
  bool stopped = false;    // by the stop rule
  bool pipelined = false;  // slices' times are those of sending; COMMIT's has the store's own
  std::uint32_t attempts = 0;
  std::uint32_t conflicts = 0;  // of these that failed so, and ran again
  std::uint64_t units = 0;      // applied
  std::uint64_t records = 0;    // of these
  std::uint64_t bytes = 0;
  TimePoint began{};              // BEGIN of the last attempt
  TimePoint ended{};              // the return of its COMMIT or ROLLBACK
  Duration commit_time{0};        // BEGIN's and COMMIT's own, without lock_wait
  Duration lock_wait{0};          // for somebody else's lock; of the last attempt
  Duration lock_waits{0};         // of all attempts
  Duration log_hold{0};           // of the commit before them that began the log anew
  std::vector<SliceTime> slices;  // of the last attempt
  const Entry* longest_step = nullptr;
  Duration longest_step_time{0};
};

// Gives each slice its time of the lane: its statements', and its part of the transaction's own, by
// what the slices weigh.
inline void divide_commit_time(TickResult& result) {
  std::uint64_t whole = 0;
  for (const SliceTime& each : result.slices) whole += weight_of(each.records, each.bytes);
  for (SliceTime& each : result.slices) {
    const std::uint64_t own = weight_of(each.records, each.bytes);
    each.held = each.elapsed + part_of(result.commit_time, own, whole);
  }
}

class Committer {
 public:
  // The largest number of records that are handed to the sink at a time.
  static constexpr std::size_t kBatch = 64;
  // Culprits of one class in one tick, before the rest of the class waits.
  static constexpr std::uint32_t kCulpritsMax = 3;
  // How often a tick that lost to another transaction is run again as it is. What then still loses
  // is tried later, with less.
  static constexpr std::uint32_t kRerunsMax = 8;
  // Nor after so long: a deadlock is found only after a second.
  static constexpr Duration kRerunsFor = std::chrono::milliseconds(250);

  // Both must outlive the committer.
  Committer(Sink& sink, const Clock& clock)
      : sink_(sink),
        savepoints_(sink.savepoints()),
        watermark_(sink.watermark()),
        server_(sink.server_side()),
        clock_(clock),
        pipelined_(sink.pipelined_calls()) {}

  // Null: no unit is journaled.
  void use(JournaledUnits* journaled) { journaled_ = journaled; }
  // Jobs' steps can ask for it; null: never set.
  void use(const std::atomic<bool>* closing) { closing_ = closing; }
  // The number that the next commit will have.
  void number_next(std::uint64_t commit) { number_ = commit; }
  // Runs the units, in their order. `step_times` says for each class how long a job's step may take
  // before it should yield; it must have one for each class of a unit.
  TickResult run(std::span<Work> work, const StopRule& stop, std::span<const Duration> step_times);

 private:
  struct Failed {
    Action action = Action::proceed;
    Status cause;
    Work* unit = nullptr;  // whose failure it is, if it is a unit's
  };

  // A class that has had culprits in this tick.
  struct Troubled {
    std::uint32_t klass = 0;
    std::uint32_t culprits = 0;
    const Work* last = nullptr;  // of them
  };

  Troubled* troubled(std::uint32_t klass) noexcept;
  bool in_trouble(const Work& work) noexcept;
  bool waits(const Work& work) noexcept;
  Troubled& trouble_at(const Work& work);
  bool may_rerun(const TickResult& result) const noexcept;
  void note_lock_wait(TickResult& result) noexcept;
  Failed attempt(std::span<Work> work, const StopRule& stop, TickResult& result);
  Reply begin(TickResult& result);
  template <class Call>
  Reply or_undone(const Call& call);
  Failed execute(std::span<Work> work, const StopRule& stop, TickResult& result);
  Failed execute_sheltered(std::span<Work> work, const StopRule& stop, TickResult& result);
  std::size_t gather(std::span<Work> units);
  Failed records(std::span<Work> units, TickResult& result, std::size_t& done);
  Failed run(Work& work, TickResult& result);
  Failed judge(Work& asked, Reply reply);
  void blame(const Failed& failed, TickResult& result);
  Failed commit(std::span<const Work> work, TickResult& result, Failed executed);
  Failed failed_commit(Reply reply, TickResult& result);
  Reply write_last(bool owed);
  Failed group(Work& work);
  Failed job(Work& work, TickResult& result);
  static Failed stopped(Work& work);
  Reply begin_unit();
  Reply end_unit(Reply reply);
  Reply undo_unit(Reply reply);

  Sink& sink_;
  Savepoints* const savepoints_;
  Watermark* const watermark_;
  ServerSide* const server_;
  const Clock& clock_;
  JournaledUnits* journaled_ = nullptr;
  const std::atomic<bool>* closing_ = nullptr;
  std::span<const Duration> step_times_;
  Pipelined pipelined_;
  std::array<Application, kBatch> batch_;  // scratch
  std::vector<Troubled> troubled_;         // of this tick
  Duration spent_{0};                      // on its attempts that failed
  std::uint64_t number_ = 0;
};

}  // namespace onelane::inline v0::commit
