#include "bench/memory/runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <span>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "bench/kit/errors.h"
#include "bench/kit/required.h"
#include "bench/kit/resident.h"
#include "onelane/journal.h"

namespace onelane::bench::memory {

struct StoredRow {
  std::int64_t id;
  std::span<const std::byte> value;
};

}  // namespace onelane::bench::memory

template <>
struct onelane::RecordTraits<onelane::bench::memory::StoredRow> {
  static constexpr std::string_view sql =
      "INSERT INTO rows(id, value) VALUES(?1, ?2) "
      "ON CONFLICT(id) DO UPDATE SET value = excluded.value";
  static auto columns(const onelane::bench::memory::StoredRow& row) {
    return std::tuple(row.id, row.value);
  }
};

namespace onelane::bench::memory {
namespace {

constexpr std::uint64_t kPerProducer = 64 * kKiB;

// Few, so that the database stays small.
constexpr std::int64_t kIds = 64;

double difference(std::uint64_t to, std::uint64_t from) {
  return static_cast<double>(to) - static_cast<double>(from);
}

// A journal that moves by hand, so that a full class stays full.
class Subject {
 public:
  Subject(const Load& load, std::uint64_t records_per_tick)
      : load_(load),
        journal_(open(load, records_per_tick)),
        class_(add_class()),
        producer_(journal_.producer<StoredRow>(class_).value()),
        value_(load.row_bytes, std::byte{0x5a}) {
    warm_up();
  }

  // From this thread, until the class is full. The rows that were taken.
  std::uint64_t fill() {
    Producer<StoredRow> mine = producer_;
    for (std::uint64_t rows = 0;; ++rows) {
      Status pushed = mine.push({static_cast<std::int64_t>(rows) % kIds, value_});
      if (pushed.code() == Errc::full) return rows;
      require(pushed, "pushing");
    }
  }

  bool tick() { return required(journal_.tick(), "ticking").more; }
  void drain() {
    while (tick()) {
    }
  }

 private:
  // Commits each row alone, so that SQLite's page cache stays small: it is not what is measured.
  void warm_up() {
    for (std::int64_t id = 0; id < kIds; ++id) {
      if (!producer_.push({id, value_}).ok()) throw RunError("a first push was refused");
      drain();
    }
  }

  static Journal open(const Load& load, std::uint64_t records_per_tick) {
    JournalOptions options;
    options.schema = "CREATE TABLE IF NOT EXISTS rows(id INTEGER PRIMARY KEY, value BLOB NOT NULL)";
    options.drive = Drive::manual;
    options.tick.records = records_per_tick;
    return std::move(Journal::open(load.database, options).value());
  }
  WriteClass add_class() {
    ClassOptions options;
    options.name = "rows";
    options.guarantee.records = 1;
    options.capacity_records = load_.capacity_bytes;  // the bytes are to be the limit
    options.capacity_bytes = load_.capacity_bytes;
    options.when_full = load_.when_full;
    return journal_.add_class(options).value();
  }

  const Load& load_;
  Journal journal_;
  WriteClass class_;
  Producer<StoredRow> producer_;
  std::vector<std::byte> value_;
};

// Threads that do what they are told together, and live until the crew goes.
class Crew {
 public:
  template <class Work>
  Crew(std::uint64_t members, std::uint64_t turns, Work work)
      : start_(static_cast<std::ptrdiff_t>(members) + 1),
        end_(static_cast<std::ptrdiff_t>(members) + 1) {
    for (std::uint64_t i = 0; i < members; ++i) {
      threads_.emplace_back([this, turns, work] {
        for (std::uint64_t turn = 0; turn < turns; ++turn) {
          start_.arrive_and_wait();
          work();
          end_.arrive_and_wait();
        }
        start_.arrive_and_wait();  // alive until here
      });
    }
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() { start_.arrive_and_wait(); }

  // One turn; exactly `turns` of them must be taken.
  void work() {
    start_.arrive_and_wait();
    end_.arrive_and_wait();
  }

 private:
  std::barrier<> start_;
  std::barrier<> end_;
  std::vector<std::jthread> threads_;
};

}  // namespace

double allowance_bytes(const Load& load) {
  return 1.25 * static_cast<double>(load.capacity_bytes) +
         static_cast<double>(load.producers * kPerProducer);
}

Figures fill(const Load& load) {
  constexpr std::uint64_t kRecordsPerTick = 16;
  Subject subject(load, kRecordsPerTick);
  std::atomic<std::uint64_t> rows{0};
  Crew crew(load.producers, 2, [&] { rows += subject.fill(); });
  const std::uint64_t before = resident_bytes();
  crew.work();
  const std::uint64_t queued = rows;
  subject.tick();
  crew.work();
  const double peak = difference(resident_bytes_peak(), before);
  return {{"of_allowance", peak / allowance_bytes(load)},
          {"of_capacity", peak / static_cast<double>(load.capacity_bytes)},
          {"resident_mib", peak / static_cast<double>(kMiB)},
          {"bytes_per_row", peak / static_cast<double>(queued)}};
}

Figures cycle(const Load& load) {
  Subject subject(load, kDefaultTick.records);
  const std::uint64_t before = resident_bytes();
  const std::uint64_t settled_after = std::max<std::uint64_t>(1, load.cycles / 10);
  std::uint64_t filled_most = 0;
  std::uint64_t settled = 0;
  for (std::uint64_t i = 0; i < load.cycles; ++i) {
    Crew crew(load.producers, 1, [&] { subject.fill(); });
    crew.work();
    filled_most = std::max(filled_most, resident_bytes());
    subject.drain();
    if (i + 1 == settled_after) settled = resident_bytes();
  }
  const std::uint64_t last = resident_bytes();
  return {{"growth_kib", difference(last, settled) / static_cast<double>(kKiB)},
          {"drained_mib", difference(last, before) / static_cast<double>(kMiB)},
          {"of_allowance", difference(filled_most, before) / allowance_bytes(load)}};
}

}  // namespace onelane::bench::memory
