#include "bench/push/runs.h"

#include <concurrentqueue.h>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <barrier>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "bench/kit/errors.h"
#include "bench/kit/required.h"
#include "bench/push/probe.h"
#include "onelane/journal.h"

namespace onelane::bench::push {

struct PushedRow {
  std::int64_t id;
  std::span<const std::byte> value;
};

}  // namespace onelane::bench::push

template <>
struct onelane::RecordTraits<onelane::bench::push::PushedRow> {
  static constexpr std::string_view sql =
      "INSERT INTO rows(id, value) VALUES(?1, ?2) "
      "ON CONFLICT(id) DO UPDATE SET value = excluded.value";
  static auto columns(const onelane::bench::push::PushedRow& row) {
    return std::tuple(row.id, row.value);
  }
};

namespace onelane::bench::push {
namespace {

// A journal under load drains once a tick, so this is as deep as its own queue gets.
constexpr std::chrono::milliseconds kPause(10);

// Of the journal's entries: a small row lies in the block with its ticket, a larger one behind it
// with what says so.
constexpr std::size_t kEntryBytes = 384;
constexpr std::size_t kHeaderBytes = 64;

// Few, so that the database stays small: what is measured is the push.
constexpr std::int64_t kIds = 1000;

// Runs the bursts on the load's threads. make_push(thread) gives what pushes one row; drain() waits
// until all that was pushed is gone.
template <class MakePush>
Figures run_bursts(const Load& load, MakePush make_push, std::function<void()> drain) {
  const std::uint64_t each = load.burst / load.producers;
  std::vector<Probe> probes(load.producers, Probe(each * load.bursts));
  for (Probe& probe : probes) probe = Probe(each * load.bursts);  // a copy has nothing reserved
  auto producers = static_cast<std::ptrdiff_t>(load.producers);
  std::barrier begin(producers);
  std::barrier end(producers, [&drain]() noexcept { drain(); });
  std::vector<std::jthread> threads;
  for (Probe& probe : probes) {
    threads.emplace_back([&] {
      auto push = make_push();
      for (std::uint64_t burst = 0; burst <= load.bursts; ++burst) {
        begin.arrive_and_wait();
        probe.run(each, push);
        if (burst == 0) probe.forget();
        end.arrive_and_wait();
      }
    });
  }
  threads.clear();
  Probe all(0);
  for (const Probe& probe : probes) all.merge(probe);
  return all.figures(load.clock_cost_ns);
}

template <std::size_t kBytes>
using Bytes = std::array<std::byte, kBytes>;

template <std::size_t kBytes>
class EmptiedQueue {
 public:
  void push(const Bytes<kBytes>& element) { queue_.enqueue(element); }
  void drain(std::uint64_t pushed) {
    while (taken_.load(std::memory_order_acquire) < pushed) std::this_thread::sleep_for(kPause);
  }

 private:
  void empty(const std::stop_token& stop) {
    std::vector<Bytes<kBytes>> some(256);
    while (!stop.stop_requested()) {
      std::size_t count = queue_.try_dequeue_bulk(some.begin(), some.size());
      taken_.fetch_add(count, std::memory_order_release);
      if (count == 0) std::this_thread::sleep_for(kPause);
    }
  }

  moodycamel::ConcurrentQueue<Bytes<kBytes>> queue_;
  std::atomic<std::uint64_t> taken_{0};
  std::jthread emptier_{[this](const std::stop_token& stop) { empty(stop); }};
};

// Elements of kBytes, of which the row takes the first.
template <std::size_t kBytes>
Figures run_queue_of(const Load& load) {
  EmptiedQueue<kBytes> queue;
  std::uint64_t pushed = 0;
  const std::vector<std::byte> value(load.row_bytes - sizeof(std::int64_t), std::byte{0x5a});
  auto make_push = [&] {
    return [&queue, &value, id = std::int64_t{0}]() mutable {
      Bytes<kBytes> element;
      id = (id + 1) % kIds;
      std::memcpy(element.data(), &id, sizeof id);
      std::memcpy(element.data() + sizeof id, value.data(), value.size());
      queue.push(element);
    };
  };
  return run_bursts(load, make_push, [&] { queue.drain(pushed += load.burst); });
}

template <std::size_t kRow, std::size_t kEntry>
Figures run_queue_of(const Load& load, Element element) {
  return element == Element::row ? run_queue_of<kRow>(load) : run_queue_of<kEntry>(load);
}

}  // namespace

Figures run_journal(const Load& load, const std::filesystem::path& database) {
  JournalOptions options;
  options.schema = "CREATE TABLE IF NOT EXISTS rows(id INTEGER PRIMARY KEY, value BLOB NOT NULL)";
  Journal journal = std::move(Journal::open(database, options).value());
  WriteClass rows =
      *journal.add_class({.name = "rows",
                          .capacity_records = 2 * load.burst,
                          .capacity_bytes = 2 * load.burst * (load.row_bytes + kKiB)});
  const Producer<PushedRow> producer = *journal.producer<PushedRow>(rows);
  const std::vector<std::byte> value(load.row_bytes - sizeof(std::int64_t), std::byte{0x5a});
  std::atomic<std::uint64_t> refused{0};
  auto make_push = [&] {
    return
        [mine = Producer<PushedRow>(producer), &value, &refused, id = std::int64_t{0}]() mutable {
          id = (id + 1) % kIds;
          if (!mine.push({id, value}).ok()) refused.fetch_add(1, std::memory_order_relaxed);
        };
  };
  Figures figures = run_bursts(load, make_push, [&journal] { (void)journal.flush().ok(); });
  if (refused.load() != 0) throw RunError(fmt::format("{} pushes were refused", refused.load()));
  require(journal.close(std::chrono::minutes(1)).status, "closing the journal");
  return figures;
}

Figures run_queue(const Load& load, Element element) {
  switch (load.row_bytes) {
    case 16:
      return run_queue_of<16, kEntryBytes>(load, element);
    case 100:
      return run_queue_of<100, kEntryBytes>(load, element);
    case 128:
      return run_queue_of<128, kEntryBytes>(load, element);
    case 4096:
      return run_queue_of<4096, kEntryBytes + 4096 + kHeaderBytes>(load, element);
    default:
      throw RunError(fmt::format("no queue of rows of {} bytes", load.row_bytes));
  }
}

}  // namespace onelane::bench::push
