#include "bench/storm/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "bench/kit/caller_pool.h"
#include "bench/kit/errors.h"
#include "bench/storm/direct.h"
#include "bench/storm/lane.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/terminal.h"

namespace onelane::bench::storm {
namespace {

using Pool = CallerPool<Due>;

constexpr std::chrono::milliseconds kSampleGap(10);

Instant now() { return std::chrono::steady_clock::now(); }

Promise promised(StrategyKind kind) {
  switch (kind) {
    case StrategyKind::durable:
      return Promise::durable;
    case StrategyKind::journaled:
      return Promise::journaled;
    default:
      return Promise::committed;
  }
}

std::unique_ptr<Strategy> make(StrategyKind kind, const StormOptions& options,
                               const std::filesystem::path& database) {
  if (kind == StrategyKind::direct) return make_direct(options, database);
  return make_lane(options, database, promised(kind));
}

// The largest size that the log's file has had.
class LogWatch {
 public:
  explicit LogWatch(std::filesystem::path database)
      : log_(database += "-wal"), thread_([this](std::stop_token stop) { loop(stop); }) {}

  std::uint64_t finish() {
    thread_.request_stop();
    thread_.join();
    return largest_;
  }

 private:
  void loop(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::error_code gone;
      std::uint64_t size = std::filesystem::file_size(log_, gone);
      if (!gone) largest_ = std::max(largest_, size);
      std::this_thread::sleep_for(kSampleGap);
    }
  }

  std::filesystem::path log_;
  std::uint64_t largest_ = 0;  // the thread's, until it has ended
  std::jthread thread_;
};

// The first exception of any thread, to be thrown again on the one that runs the benchmark.
class FirstError {
 public:
  template <class Function>
  void guard(Function&& function) noexcept {
    try {
      function();
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      raised_ = true;
    }
  }
  bool raised() const { return raised_; }
  void rethrow() {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
  std::atomic<bool> raised_{false};
};

// How long what was accepted may take to be written once the time is over, and if the run was
// interrupted; a disk that is full, or hangs, would keep the storm for ever.
constexpr std::chrono::seconds kPatience(20);
constexpr std::chrono::seconds kPatienceInterrupted(3);

// Calls `late`, once, unless it is destroyed in time.
class Patience {
 public:
  Patience(Nanoseconds limit, std::function<void()> late)
      : thread_([limit, late = std::move(late)](const std::stop_token& stop) {
          const Instant began = now();
          while (!stop.stop_requested()) {
            const Nanoseconds waited = now() - began;
            if (waited > limit || (interrupted() && waited > kPatienceInterrupted)) return late();
            std::this_thread::sleep_for(kSampleGap);
          }
        }) {}

 private:
  std::jthread thread_;
};

class Storm {
 public:
  Storm(StrategyKind kind, const StormOptions& options, const Input& input,
        const std::filesystem::path& database)
      : options_(options),
        strategy_(make(kind, options, database)),
        feed_(input, options.block_wait),
        log_(database) {
    result_.kind = kind;
  }

  StrategyResult run() {
    result_.pragmas = strategy_->pragmas();
    Pool pool(callers());
    Instant start = now();
    result_.began = start;
    Instant end = start + options_.duration;
    std::optional<Patience> patience;
    {
      std::vector<std::jthread> heavy = start_heavy();
      std::jthread arrivals([&](std::stop_token stop) {
        if (result_.kind != StrategyKind::heavy) offer(pool, start, end, stop);
      });
      wait_until(end, start);
      arrivals.request_stop();
      feed_.stop();
      patience.emplace(kPatience, [this] { give_up(); });
    }
    patience.reset();
    result_.heavy_elapsed = now() - start;
    patience.emplace(options_.grace + kPatience, [this] { give_up(); });
    drain(pool);
    patience.reset();
    errors_.guard([&] { strategy_->finish(result_.ledger); });
    result_.elapsed = now() - start;
    result_.wal_bytes_max = log_.finish();
    errors_.rethrow();
    for (const Ledger& ledger : ledgers_) result_.ledger.merge(ledger);
    result_.journal = strategy_->journal_stats();
    strategy_.reset();
    return std::move(result_);
  }

 private:
  // One per thread; a deque, since they must stay where they are.
  Ledger& new_ledger() { return ledgers_.emplace_back(); }

  std::vector<Pool::Serve> callers() {
    std::vector<Pool::Serve> callers;
    for (std::uint64_t i = 0; i < options_.callers; ++i) {
      auto serve = strategy_->caller(new_ledger());
      callers.push_back([this, serve](const Due& due) { errors_.guard([&] { serve(due); }); });
    }
    return callers;
  }

  std::vector<std::jthread> start_heavy() {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < options_.heavy; ++i) {
      Ledger& blobs = new_ledger();
      Ledger& sync = new_ledger();
      threads.emplace_back(
          [this, &blobs] { errors_.guard([&] { strategy_->write_blobs(feed_, blobs); }); });
      threads.emplace_back(
          [this, &sync] { errors_.guard([&] { strategy_->write_sync(feed_, sync); }); });
    }
    return threads;
  }

  // Offers each arrival when it is due, whatever became of the earlier ones.
  void offer(Pool& pool, Instant start, Instant end, const std::stop_token& stop) const {
    Arrivals arrivals(options_.connects_per_second, options_.seed);
    while (!stop.stop_requested()) {
      Arrival arrival = arrivals.next();
      Instant intended = start + arrival.offset;
      if (intended >= end) return;
      std::this_thread::sleep_until(intended);
      pool.offer({arrival, intended});
    }
  }

  void wait_until(Instant end, Instant start) {
    Progress progress;
    while (now() < end && !interrupted() && !errors_.raised()) {
      progress.show(fmt::format("{}: {:.0f} of {:.0f} s", name(result_.kind),
                                to_seconds(now() - start), to_seconds(options_.duration)));
      std::this_thread::sleep_for(
          std::min<Nanoseconds>(end - now(), std::chrono::milliseconds(100)));
    }
  }

  void give_up() {
    errors_.guard([this] { strategy_->give_up(); });
  }

  // Heavy threads have ended. What no caller has begun after the grace is counted, with the time
  // that it has waited.
  void drain(Pool& pool) {
    pool.drain(options_.grace, [this] { return interrupted() || errors_.raised(); });
    Instant cut = now();
    for (const Due& due : pool.finish()) {
      result_.ledger.refuse(due.arrival.source, Refusal::unserved, cut - due.intended);
    }
  }

  const StormOptions& options_;
  std::unique_ptr<Strategy> strategy_;
  Feed feed_;
  LogWatch log_;
  FirstError errors_;
  std::deque<Ledger> ledgers_;
  StrategyResult result_;
};

}  // namespace

double StrategyResult::occupancy() const {
  if (elapsed == Nanoseconds(0)) return 0;
  return static_cast<double>(ledger.hold().sum()) / static_cast<double>(elapsed.count());
}

double StrategyResult::heavy_rows_per_s() const {
  if (heavy_elapsed == Nanoseconds(0)) return 0;
  std::uint64_t rows = ledger.of(Source::blobs).rows + ledger.of(Source::sync).rows;
  return static_cast<double>(rows) / to_seconds(heavy_elapsed);
}

StrategyResult run_storm(StrategyKind kind, const StormOptions& options, const Input& input,
                         const std::filesystem::path& database) {
  return Storm(kind, options, input, database).run();
}

}  // namespace onelane::bench::storm
