#include "bench/storm/run.h"

#include <deque>
#include <functional>
#include <optional>
#include <thread>

#include "bench/kit/caller_pool.h"
#include "bench/kit/errors.h"
#include "bench/storm/watch.h"
#include "tools/kit/interrupt.h"

namespace onelane::bench::storm {
namespace {

using Pool = CallerPool<Due>;

Instant now() { return std::chrono::steady_clock::now(); }

class Storm {
 public:
  Storm(const StormRun& of, const StormOptions& options, const Input& input)
      : options_(options),
        strategy_(of.place.open(of.kind)),
        feed_(input, options.block_wait),
        log_(of.database),
        result_(result_of(of.kind)),
        silent_(of.kind == StrategyKind::heavy) {}

  StrategyResult run() {
    result_.server = !options_.postgres.empty();
    result_.pragmas = strategy_->pragmas();
    Pool pool(callers());
    Instant start = now();
    result_.began = start;
    Instant end = start + options_.duration;
    std::optional<Patience> patience;
    {
      std::vector<std::jthread> heavy = start_heavy();
      std::jthread arrivals([&](std::stop_token stop) {
        if (!silent_) offer(pool, start, end, stop);
      });
      wait_for_end(result_, options_.duration, errors_);
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
  bool silent_;  // the small sources
};

}  // namespace

StrategyResult result_of(StrategyKind kind) {
  StrategyResult result;
  result.name = name(kind);
  for (Source source : kAllSources) result.sources.emplace_back(name(source));
  result.heavy = {kBlobs, kSync};
  result.intake = kind == StrategyKind::journaled;
  return result;
}

StrategyResult run_storm(const StormRun& run, const StormOptions& options, const Input& input) {
  return Storm(run, options, input).run();
}

}  // namespace onelane::bench::storm
