// A journal's whole world on one thread: producers, ticks, syncs, checkpoints, somebody else's
// connection, a disk that fails, kills and power cuts, all picked by a seed, on a clock that moves
// only when the simulation says so. The library sees its clock, and a VFS, and no more.
//
// What other threads would do happens in the middle of a call: at any call that SQLite makes of the
// disk, each part of the world that may run beside it may do one thing. After some lives, which end
// in any way, there is a last one in which nothing fails, and everything must be answered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tests/sim/foreign_process.h"
#include "tests/sim/machine.h"
#include "tests/sim/user.h"

namespace onelane::test {

struct SimulationFigures {
  std::uint64_t units = 0;
  std::uint64_t lives = 0;
  std::uint64_t kills = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t failures = 0;  // injected
  std::uint64_t poisoned = 0;  // lives
};

class Simulation {
 public:
  // Once the faults are over, every unit must be settled, and durable if that was promised, within
  // this many ticks, and as many again for each unit that waits.
  static constexpr std::size_t kTicksToSettle = 40;
  static constexpr std::size_t kTicksPerUnit = 8;

  enum class Intake : std::uint8_t { none, some };  // classes
  Simulation(Machine& machine, std::uint64_t seed, Intake intake, std::FILE* trace);

  // The first thing that was wrong, or nothing.
  const std::string& run();
  std::uint64_t trace() const noexcept { return trace_.hash(); }
  const SimulationFigures& figures() const noexcept { return figures_; }

 private:
  enum class End : std::uint8_t { as_it_may, answered };

  bool going_on() const { return wrong_.empty() && !crashed_ && !lost_; }
  void live(End end);
  Status open();
  JournalOptions options();
  void arm();
  void heal();
  VfsFault any_fault();
  void act();
  void flush();
  void tick();
  void as_foreign(const std::function<void(ForeignProcess&)>& deed);
  void act_as_foreign();
  void close_foreign();
  void open_own_file();
  void drop_real_locks() const;
  void remove_log();
  bool unhurt() const;
  void listen();
  void settle_all();
  Duration tick_calmly();
  void push_after_all();
  void answer_all();
  void close();
  void leave();
  void recover();
  void look(const Image& image, Break after);

  void meanwhile(VfsCall call, VfsFile file);
  void go_on_elsewhere(VfsCall within);
  void crash_soon();
  void sync_beside();
  void watch_syncs(VfsCall call, VfsFile file);
  std::uint64_t failures_of_sqlite() const;
  void note_failures();
  void crash();
  void complain(const std::string& what);

  Machine& machine_;
  Random random_;
  Trace trace_;
  const Features features_;
  SimulationFigures figures_;
  std::string wrong_;

  std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>();
  History history_;
  NeededIndex index_;
  User user_;
  std::shared_ptr<Disk> disk_;
  std::optional<ForeignProcess> foreign_;
  std::optional<Journal> journal_;
  bool foreign_runs_ = false;
  bool quiet_ = false;  // nobody else comes any more
  bool opened_once_ = false;
  bool log_removed_ = false;  // in this life
  bool lost_ = false;         // what was committed may be

  std::uint64_t calls_left_ = 0;  // of the disk, until the process dies; 0: it does not
  bool may_crash_ = false;        // this life
  bool in_tick_ = false;
  bool beside_ = false;  // somebody else's sync runs
  bool crashed_ = false;
  std::size_t crashed_at_ = 0;  // in the disk's log
  std::shared_ptr<Disk> survivor_;

  std::uint64_t failures_ = 0;     // of this disk, before this life
  VfsCall armed_ = VfsCall::open;  // what was last told to fail
  bool may_fail_ = false;          // it was not healed since
  std::uint64_t failures_when_armed_ = 0;
  bool sync_failed_ = false;         // in this life
  bool sync_failed_before_ = false;  // before what runs now began
  std::uint64_t durable_ = 0;        // when the last sync began that might fail
};

}  // namespace onelane::test
