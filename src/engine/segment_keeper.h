// Sees to it that the intake has a free segment: waits until what the oldest one holds is committed
// and durable in the database, or has a new one made. A thread of its own, since both take as long
// as the disk does; on a manual journal whoever ticks.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/status.h"
#include "src/engine/durability.h"
#include "src/engine/lanes.h"
#include "src/engine/recorder.h"
#include "src/engine/thread.h"
#include "src/intake/intake.h"

namespace onelane::inline v0::engine {

class SegmentKeeper {
 public:
  struct Parts {
    const Lanes& lanes;
    const Recorder& recorder;
    Durability& durability;
    const Clock& clock;
  };
  struct Hooks {
    std::function<void()> go_on;  // a segment is free
    std::function<void(const Status&)> poison;
  };
  // All of the parts must outlive it.
  explicit SegmentKeeper(const Parts& parts) : with_(parts) {}
  void use(Hooks hooks) { hooks_ = std::move(hooks); }

  // Before anything else; the intake must live until stop() has returned.
  void look_after(intake::Intake& intake) { intake_ = &intake; }
  Status start();
  void stop();
  bool mine() const { return thread_.mine(); }

  // Any thread: no segment is free, or something was committed meanwhile.
  void wake() { thread_.wake(); }
  // On a manual journal, by who ticked. When to try again, if there was no room for a segment.
  std::optional<TimePoint> keep();
  // Tells the intake how far its classes are in commits that are durable. After stop().
  void note_durable();

 private:
  using Applied = std::array<intake::Applied, kClassesMax>;

  std::optional<Duration> keep_or_pause(std::optional<Duration> patience);
  bool keep_segments(std::optional<Duration> patience);
  std::span<const intake::Applied> applied(Applied& out) const;
  bool oldest_is_applied(std::span<const intake::Applied> done) const;

  const Parts with_;
  Hooks hooks_;
  intake::Intake* intake_ = nullptr;
  std::mutex keeping_;
  std::optional<TimePoint> not_before_;  // with keeping_: there was no room for a new one
  Thread thread_;
};

}  // namespace onelane::inline v0::engine
