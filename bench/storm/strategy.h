// A way of writing the storm. run.cc drives it; everything that differs between strategies is
// behind this.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/storm/ledger.h"
#include "bench/storm/result.h"
#include "bench/storm/workload.h"
#include "onelane/stats.h"

namespace onelane::bench::storm {

// What the heavy threads write next, shared by all of them, until they are told to stop.
class Feed {
 public:
  Feed(const Input& input, Nanoseconds block_wait) : input_(input), block_wait_(block_wait) {}

  const Input& input() const { return input_; }
  std::uint64_t next_block() { return blocks_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t next_batch() { return batches_.fetch_add(1, std::memory_order_relaxed); }
  // The network or the disk that a block or a batch comes from.
  void wait() const { std::this_thread::sleep_for(block_wait_); }

  void stop() { stopping_.store(true, std::memory_order_relaxed); }
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

 private:
  const Input& input_;
  Nanoseconds block_wait_;
  std::atomic<std::uint64_t> blocks_{0};
  std::atomic<std::uint64_t> batches_{0};
  std::atomic<bool> stopping_{false};
};

struct Due {
  Arrival arrival;
  Instant intended;
};

// What all strategies have in common, of the storm and of `run`. Throws RunError where the run
// cannot go on.
class AnyStrategy {
 public:
  AnyStrategy() = default;
  AnyStrategy(const AnyStrategy&) = delete;
  AnyStrategy& operator=(const AnyStrategy&) = delete;
  virtual ~AnyStrategy() = default;

  // When what was accepted is not written in time: ends it, so that nobody waits any longer, and
  // throws RunError with the reason. Any thread, once.
  virtual void give_up() {}
  // When all threads have ended: settles what is still open, closes the database.
  virtual void finish(Ledger& ledger) = 0;
  // As they are in force on a connection that writes.
  virtual Pragmas pragmas() = 0;
  virtual std::optional<JournalStats> journal_stats() const { return std::nullopt; }
};

class Strategy : public AnyStrategy {
 public:
  // What one caller's thread does with an arrival; the ledger is that thread's own.
  virtual std::function<void(const Due&)> caller(Ledger& ledger) = 0;
  // A heavy thread of that source, until the feed stops.
  virtual void write_blobs(Feed& feed, Ledger& ledger) = 0;
  virtual void write_sync(Feed& feed, Ledger& ledger) = 0;
};

// Frames in the log after which SQLite's automatic checkpoint runs at a COMMIT.
inline constexpr std::uint32_t kCheckpointFrames = 1000;

// Those that a job may read as well.
inline constexpr std::array<std::string_view, 5> kPragmas{
    "journal_mode", "synchronous", "page_size", "cache_size", "foreign_keys"};

}  // namespace onelane::bench::storm
