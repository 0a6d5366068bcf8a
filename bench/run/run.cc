#include "bench/run/run.h"

#include <algorithm>
#include <atomic>
#include <deque>

#include "bench/kit/caller_pool.h"
#include "bench/kit/random.h"
#include "bench/run/strategy.h"
#include "bench/storm/watch.h"
#include "tools/kit/interrupt.h"

namespace onelane::bench::run {
namespace {

Instant now() { return std::chrono::steady_clock::now(); }

// A call of an open source.
struct Due {
  std::size_t source = 0;
  std::uint64_t call = 0;  // of the source's, from 0
  Instant intended;
};
using Pool = CallerPool<Due>;

// The arrivals of the open sources, merged.
class Arrivals {
 public:
  explicit Arrivals(const Workload& workload) {
    for (std::size_t i = 0; i < workload.sources.size(); ++i) {
      const SourceSpec& source = workload.sources[i];
      if (!source.open()) continue;
      Stream stream{i, source.spacing, 1e9 / source.per_second, Random(workload.seed + i), 0, 0};
      stream.next_ns = stream.gap();
      streams_.push_back(stream);
    }
  }

  bool any() const { return !streams_.empty(); }

  // Of at least one stream. Its intended start is from `start` on.
  Due next(Instant start) {
    Stream& stream =
        *std::min_element(streams_.begin(), streams_.end(),
                          [](const Stream& a, const Stream& b) { return a.next_ns < b.next_ns; });
    const Nanoseconds offset(static_cast<std::int64_t>(stream.next_ns));
    const Due due{stream.source, stream.calls++, start + offset};
    stream.next_ns += stream.gap();
    return due;
  }

 private:
  struct Stream {
    std::size_t source;
    Spacing spacing;
    double mean_gap_ns;
    Random random;
    double next_ns;
    std::uint64_t calls;

    double gap() {
      return spacing == Spacing::even ? mean_gap_ns : random.exponential(mean_gap_ns);
    }
  };
  std::vector<Stream> streams_;
};

class Run {
 public:
  Run(StrategyKind kind, const Workload& workload, const std::filesystem::path& database)
      : workload_(workload),
        strategy_(kind == StrategyKind::direct ? make_direct(workload, database)
                                               : make_lane(workload, database)),
        numbers_(workload.sources.size()),
        log_(database),
        result_(result_of(kind, workload)) {}

  storm::StrategyResult run() {
    result_.pragmas = strategy_->pragmas();
    Pool pool(open_callers());
    const Instant start = now();
    result_.began = start;
    const Instant end = start + workload_.duration;
    std::optional<storm::Patience> patience;
    {
      std::vector<std::jthread> closed = closed_callers();
      std::jthread arrivals([&](const std::stop_token& stop) { offer(pool, end, stop); });
      storm::wait_for_end(result_, workload_.duration, errors_);
      arrivals.request_stop();
      stopping_ = true;
      patience.emplace(storm::kPatience, [this] { give_up(); });
    }
    patience.reset();
    result_.heavy_elapsed = now() - start;
    patience.emplace(workload_.grace + storm::kPatience, [this] { give_up(); });
    drain(pool);
    patience.reset();
    writers_.clear();
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
  Writer& new_writer() {
    return *writers_.emplace_back(strategy_->writer(ledgers_.emplace_back()));
  }

  std::vector<Pool::Serve> open_callers() {
    std::vector<Pool::Serve> callers;
    if (!Arrivals(workload_).any()) return callers;
    for (std::uint64_t i = 0; i < workload_.callers; ++i) {
      Writer& writer = new_writer();
      callers.push_back([this, &writer](const Due& due) {
        errors_.guard([&] { writer.serve(due.source, units_of(due)); });
      });
    }
    return callers;
  }

  std::vector<Unit> units_of(const Due& due) const {
    const std::uint64_t count = workload_.sources[due.source].units_per_call();
    std::vector<Unit> units;
    for (std::uint64_t i = 0; i < count; ++i) units.push_back({due.call * count + i, due.intended});
    return units;
  }

  std::vector<std::jthread> closed_callers() {
    std::vector<std::jthread> threads;
    for (std::size_t source = 0; source < workload_.sources.size(); ++source) {
      for (std::uint64_t i = 0; i < workload_.sources[source].callers; ++i) {
        Writer& writer = new_writer();
        threads.emplace_back([this, &writer, source] {
          errors_.guard([&] {
            writer.serve_closed(
                source, {[this] { return stopping_.load(); }, [&] { return next(source); }});
          });
        });
      }
    }
    return threads;
  }

  Unit next(std::size_t source) {
    const Nanoseconds pause = workload_.sources[source].pause;
    if (pause != Nanoseconds(0)) std::this_thread::sleep_for(pause);
    return Unit{numbers_[source].fetch_add(1, std::memory_order_relaxed), now()};
  }

  // Offers each arrival when it is due, whatever became of the earlier ones.
  void offer(Pool& pool, Instant end, const std::stop_token& stop) const {
    Arrivals arrivals(workload_);
    while (arrivals.any() && !stop.stop_requested()) {
      const Due due = arrivals.next(result_.began);
      if (due.intended >= end) return;
      std::this_thread::sleep_until(due.intended);
      pool.offer(due);
    }
  }

  void give_up() {
    errors_.guard([this] { strategy_->give_up(); });
  }

  // What no caller has begun after the grace is counted, with the time that it has waited.
  void drain(Pool& pool) {
    pool.drain(workload_.grace, [this] { return interrupted() || errors_.raised(); });
    const Instant cut = now();
    for (const Due& due : pool.finish()) {
      const std::uint64_t units = workload_.sources[due.source].units_per_call();
      for (std::uint64_t i = 0; i < units; ++i) {
        result_.ledger.refuse(source_of(due.source), storm::Refusal::unserved, cut - due.intended);
      }
    }
  }

  const Workload& workload_;
  std::unique_ptr<Strategy> strategy_;
  std::vector<std::atomic<std::uint64_t>> numbers_;  // of the next unit, by closed source
  std::atomic<bool> stopping_{false};
  storm::LogWatch log_;
  storm::FirstError errors_;
  std::deque<Ledger> ledgers_;  // one per thread; a deque, since they must stay where they are
  std::deque<std::unique_ptr<Writer>> writers_;
  storm::StrategyResult result_;
};

}  // namespace

std::string_view name(StrategyKind kind) noexcept {
  return kind == StrategyKind::direct ? "direct" : "onelane";
}

storm::StrategyResult result_of(StrategyKind kind, const Workload& workload) {
  storm::StrategyResult result;
  result.name = name(kind);
  for (std::size_t i = 0; i < workload.sources.size(); ++i) {
    result.sources.push_back(workload.sources[i].name);
    if (!workload.sources[i].open()) result.heavy.push_back(source_of(i));
  }
  if (kind == StrategyKind::onelane) result.journal.emplace();
  return result;
}

storm::StrategyResult run_workload(StrategyKind kind, const Workload& workload,
                                   const std::filesystem::path& database) {
  return Run(kind, workload, database).run();
}

}  // namespace onelane::bench::run
