// Whose time the lane's time was: what each class took of it, what each waited behind, and which
// ticks and units took longest. Recorded by the baton's holder, read by any thread.
//
// The lane's time is a chain of spells, each a tick, a pass that held the lane, or a pause with its
// reason. The newest 512 are kept. A class waits while at least one of its units does: as a tick
// begins, that time is looked up in the spells since the tick before. So what is waited behind
// costs nothing per unit, and a unit's own wait can be told as long as its spells are there.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "onelane/clock.h"
#include "onelane/stats.h"
#include "src/commit/committer.h"
#include "src/engine/call_sites.h"
#include "src/engine/lanes.h"
#include "src/engine/waits.h"
#include "src/model/histogram.h"
#include "src/schedule/plan.h"

namespace onelane::inline v0::engine {

// Why the lane rests until its next tick, by class where that differs: bits by class number.
struct Rest {
  Obstacle why = Obstacle::other;
  std::uint64_t paused = 0;   // for the disk
  std::uint64_t resting = 0;  // for an interval or a gathering window
  bool operator==(const Rest&) const = default;
};
static_assert(kClassesMax <= 64);

class Attribution {
 public:
  // Both must outlive it. `commits_sync`: COMMIT waits for the disk.
  Attribution(const Lanes& lanes, const CallSites& sites, bool commits_sync, TimePoint opened)
      : lanes_(lanes),
        sites_(sites),
        commits_sync_(commits_sync),
        ended_(opened),
        accounted_(opened) {}
  Attribution(const Attribution&) = delete;
  Attribution& operator=(const Attribution&) = delete;

  // --- The baton's holder.

  // A tick has staged what it found. With the lanes' lock.
  void begin(TimePoint now) noexcept;
  // It ended, and its units are not settled yet. With the lanes' lock. `commit`: its number, 0 if
  // it has none.
  void end(const schedule::Plan& plan, const commit::TickResult& result,
           std::span<const commit::Work> work, std::uint64_t commit) noexcept;
  // From now on, until the next tick begins.
  void rest(const Rest& why) noexcept { rest_ = why; }
  // Something else held the lane until now.
  void held(Obstacle what, TimePoint from, TimePoint to) noexcept;
  // Somebody else's write lock was waited for, so long.
  void lock_ended(Duration waited) noexcept { lock_waits_.record(waited); }
  void foreign_changes(std::uint64_t changes) noexcept { foreign_changes_.store(changes); }
  // --- Any thread. They need memory.

  void snapshot(JournalStats& out) const;
  // Of a unit of this class that was committed then; nothing if that is too long ago.
  std::optional<Journey> journey(const Entry& unit) const;

 private:
  // Of the first classes in a tick.
  template <class Part>
  struct Parts {
    std::size_t count = 0;
    std::array<Part, 8> list{};
    std::span<const Part> all() const { return std::span(list).first(count); }
    // A class's, which is added if need be; null if there is no room.
    Part* of(std::uint32_t write_class) noexcept;
  };
  struct Held {
    std::uint32_t write_class = 0;
    Duration time{0};
  };
  // What the lane did from then to then. That of a rest is written in one cache line.
  struct alignas(64) Spell {
    TimePoint from;
    TimePoint to;
    Rest rest;
    bool tick = false;
    // Of a tick, not of a rest:
    std::uint64_t commit = 0;
    Duration commit_time{0};
    Duration sync{0};   // of the commit's time
    Duration lock{0};   // somebody else's, meanwhile
    Parts<Held> parts;  // of more classes, the rest is Obstacle::other
  };
  struct SlowTick {
    TickStats tick;  // without the texts and the list, which need memory
    std::array<char, 64> longest_step{};
    Parts<TickPart> parts;
    Duration measure() const { return tick.hold; }
  };
  struct SlowUnit {
    std::uint32_t klass = 0;
    std::uint8_t site = 0;
    TimePoint pushed;
    Duration wait{0};
    Duration total{0};
    std::uint64_t commit = 0;
    Behind behind{};
    Duration measure() const { return total; }
  };
  // The longest of a minute and of the one before it.
  template <class Slow>
  struct Slowest {
    static constexpr std::size_t kMost = 8;
    std::array<Slow, kMost> now{};
    std::array<Slow, kMost> before{};
    std::int64_t minute = INT64_MIN;
    Duration least{0};  // of now
    void turn_to(TimePoint when) noexcept;
    // Where one of that measure is put, instead of the shortest; null if it is not longer.
    Slow* place_for(Duration measure) noexcept;
    std::vector<const Slow*> longest_first() const;
  };
  static constexpr std::size_t kSpells = 512;

  // With the lock, as all that follow but snapshot_slowest().
  Spell& append(TimePoint from, TimePoint to, const Rest& why) noexcept;
  void append_rest(TimePoint now) noexcept;
  void append_held(Obstacle what, TimePoint from, TimePoint to) noexcept;
  void append_tick(const schedule::Plan& plan, const commit::TickResult& result,
                   std::uint64_t commit) noexcept;
  void note_held(const schedule::Plan& plan, const commit::TickResult& result) noexcept;
  void account(TimePoint now) noexcept;
  template <class Each>
  void back_to(TimePoint from, const Each& each) const;
  static void add_behind(const Spell& spell, Duration waited, const ClassLane& lane,
                         Behind& behind) noexcept;
  Behind behind(const ClassLane& lane, TimePoint from, TimePoint to) const noexcept;
  void note_slow_tick(const schedule::Plan& plan, const commit::TickResult& result,
                      std::uint64_t commit) noexcept;
  void note_slow_units(const commit::TickResult& result, std::span<const commit::Work> work,
                       std::uint64_t commit) noexcept;
  void snapshot_slowest(JournalStats& out) const;

  const Lanes& lanes_;
  const CallSites& sites_;
  const bool commits_sync_;

  // The baton holder's.
  Rest rest_;
  TimePoint ended_;      // the newest spell
  TimePoint accounted_;  // up to here classes know what they waited behind

  std::atomic<std::uint64_t> foreign_changes_{0};
  model::SharedHistogram lock_waits_;

  mutable std::mutex mutex_;  // of what follows: changed by the baton's holder alone
  std::array<Spell, kSpells> spells_{};
  std::uint64_t spells_count_ = 0;
  Slowest<SlowTick> slow_ticks_;
  Slowest<SlowUnit> slow_units_;
};

}  // namespace onelane::inline v0::engine
