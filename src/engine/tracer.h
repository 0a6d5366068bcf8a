// Records what was pushed and what the ticks made of it (JournalOptions::trace, src/trace). The
// lane writes to memory; a thread of its own writes that to the file, so that no tick waits for the
// disk. On a manual journal the tick that has filled a good part of the memory does.
//
// What there is no room for, in memory or in the file, ends the trace: a part that is missing in
// the middle would make every later plan another one. Nothing here throws, and a trace that has
// ended costs nothing more.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"
#include "src/commit/committer.h"
#include "src/engine/call_sites.h"
#include "src/engine/lanes.h"
#include "src/engine/thread.h"
#include "src/schedule/plan.h"
#include "src/trace/changes.h"
#include "src/trace/file.h"
#include "src/trace/format.h"
#include "src/trace/wire.h"

namespace onelane::inline v0::engine {

class Recovery;
class Selection;

class Tracer {
 public:
  // Makes the file. Errors: invalid_argument, storage.
  static Result<std::unique_ptr<Tracer>> open(const JournalOptions& options, const Clock& clock);
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;
  ~Tracer() = default;

  // Whose labels it records. They must outlive it.
  void use(const CallSites& sites) { sites_ = &sites; }
  // With threads: the one that writes the file.
  Status start();
  // Removes the file: the journal was not opened after all.
  void discard() noexcept;
  // --- The baton's holder, with the lanes' lock.

  // Throws bad_alloc, and has then done nothing.
  void prepare(std::uint32_t klass);
  void add_class(ClassLane& lane) noexcept;
  void set_class(std::uint32_t klass, const ClassOptions& options) noexcept;
  void set_tick(const Budget& tick) noexcept;
  // Before its commit, and after it, before anything is settled.
  void planned(const schedule::Plan& plan, const Selection& selection, const Recovery& recovery,
               const Lanes& lanes) noexcept;
  struct Ended {
    const schedule::Plan& plan;
    const commit::TickResult& result;
    std::span<const commit::Work> work;
    const Lanes& lanes;
    bool by_caller = false;
  };
  void ended(const Ended& tick) noexcept;
  // After the last tick: writes what is left. Then nothing is recorded any more.
  void close(const Lanes& lanes) noexcept;
  void closing_pass(TimePoint began, Duration held) noexcept;
  // After a tick: how long its classes wait for the disk, and what it added to the log.
  void followed(Duration pause, std::uint64_t log_bytes) noexcept;

  // --- Any thread.
  void synced(TimePoint began, Duration took) noexcept;
  TraceStats stats() const;

 private:
  struct Sync {
    TimePoint began;
    Duration took{0};
  };

  Tracer(trace::File file, const JournalOptions& options, const Clock& clock);

  template <class Item>
  void add(trace::ItemKind kind, const Item& item) noexcept;
  void add_sites() noexcept;
  void add_changes(const Lanes& lanes) noexcept;
  void note_left(const Ended& tick);
  void add_syncs() noexcept;
  void hand_over() noexcept;
  void end(TraceEnd why) noexcept;
  void end_locked(TraceEnd why) noexcept;
  void put_end_locked() noexcept;
  void write_out() noexcept;

  const Clock& clock_;
  const std::filesystem::path path_;
  const std::uint64_t most_bytes_;
  const bool manual_;
  const std::uint32_t commit_percent_;  // as ticks are planned: 0 on a manual journal

  // The baton's holder's.
  bool stopped_ = false;
  const CallSites* sites_ = nullptr;
  std::size_t sites_told_ = 0;
  trace::Stamp stamp_;
  trace::Out item_;   // one item
  trace::Out batch_;  // those of one tick
  trace::PlanItem plan_;
  trace::OutcomeItem outcome_;
  std::array<std::unique_ptr<trace::Changes>, kClassesMax> changes_;

  mutable std::mutex mutex_;  // of what follows
  trace::Out pending_;
  TraceStats stats_;
  std::array<Sync, 64> syncs_{};
  std::size_t syncs_count_ = 0;

  // Who writes the file.
  std::mutex file_mutex_;
  trace::File file_;
  trace::Out writing_;
  std::uint64_t blocks_ = 0;

  Thread thread_;
};

}  // namespace onelane::inline v0::engine
