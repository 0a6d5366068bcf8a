// The journal's own counters: recorded by the baton's holder, read by any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "onelane/options.h"
#include "onelane/stats.h"
#include "src/commit/committer.h"
#include "src/model/histogram.h"

namespace onelane::inline v0::engine {

class Recorder {
 public:
  // `tick` is the budget of one.
  explicit Recorder(const Budget& tick) : tick_(tick) {}

  void tick(const commit::TickResult& result, TickEnd end, Duration overlong);
  // A closing pass: a hold that is no tick.
  void record_closing_pass(Duration held);
  void fence() { model::add(fences_, 1); }
  void caller_tick() { model::add(caller_ticks_, 1); }
  // Of the ticks from now on.
  void set_tick(const Budget& tick);

  // The number of the newest commit.
  std::uint64_t committed() const { return committed_.load(std::memory_order_acquire); }
  std::uint64_t count_commit() {
    model::add(committed_, 1);
    return committed();
  }

  void snapshot(JournalStats& out) const;

 private:
  void record_hold(Duration held);

  std::atomic<std::uint64_t> committed_{0};
  std::atomic<std::uint64_t> ticks_{0};
  std::atomic<std::uint64_t> caller_ticks_{0};
  std::atomic<std::uint64_t> attempts_{0};
  std::atomic<std::uint64_t> conflicts_{0};
  std::atomic<std::uint64_t> busy_{0};
  std::atomic<std::uint64_t> fences_{0};
  std::atomic<std::uint64_t> held_ns_{0};
  std::array<std::atomic<std::uint64_t>, kTickEndCount> tick_ends_{};
  model::SharedHistogram hold_;
  model::SharedHistogram closing_hold_;
  model::SharedHistogram units_;
  model::SharedHistogram bytes_;

  mutable std::mutex mutex_;  // of what follows: rare, or read with a name
  std::uint64_t overlong_steps_ = 0;
  std::string longest_step_;
  Duration longest_step_time_{0};
  Budget tick_;
  std::uint64_t tick_changes_ = 0;
};

}  // namespace onelane::inline v0::engine
