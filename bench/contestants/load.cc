#include "bench/contestants/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <latch>
#include <thread>

#include "bench/kit/errors.h"
#include "tools/kit/interrupt.h"

namespace onelane::bench {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t key_count(const Load& load) {
  return load.key_count == 0 ? load.rows : load.key_count;
}

std::uint64_t key_number(const Load& load, std::uint64_t row) {
  switch (load.keys) {
    case Keys::each_its_own:
      return row;
    case Keys::in_turn:
      return row % key_count(load);
    default:
      return spread(row) % key_count(load);
  }
}

// What the threads of a run share.
struct Shared {
  const Rows& rows;
  const Load& load;
  std::latch start;
  std::atomic<std::uint64_t> next{0};  // the number of the next write, from 0
};

// The rows of one write, and the keys that they point to.
class Batch {
 public:
  explicit Batch(std::uint64_t rows) : keys_(rows), rows_(rows) {}

  std::span<const KeyValue> fill(const Shared& shared, std::uint64_t write) {
    std::uint64_t row = shared.load.first + write * rows_.size();
    for (std::size_t i = 0; i < rows_.size(); ++i, ++row) {
      keys_[i] = shared.rows.key(key_number(shared.load, row));
      rows_[i] = {keys_[i], shared.rows.value(row)};
    }
    return rows_;
  }

 private:
  std::vector<Rows::Key> keys_;
  std::vector<KeyValue> rows_;
};

struct ThreadResult {
  Clock::time_point begin;
  Samples times;
  std::exception_ptr failure;
};

void write_all(Writer& writer, Shared& shared, ThreadResult& result) {
  const Load& load = shared.load;
  std::uint64_t writes = load.rows / load.rows_per_write;
  Batch batch(load.rows_per_write);
  if (load.timed) result.times.reserve(writes / load.threads + 1);
  shared.start.arrive_and_wait();
  result.begin = Clock::now();
  Clock::time_point now = result.begin;
  Clock::time_point last = load.longest == Nanoseconds(0) ? now.max() : now + load.longest;
  // The next number is taken last: one that is taken is written.
  while (now < last && !interrupted()) {
    std::uint64_t write = shared.next.fetch_add(1, std::memory_order_relaxed);
    if (write >= writes) return;
    std::span<const KeyValue> rows = batch.fill(shared, write);
    if (!load.timed) {
      writer.write(rows);
      continue;
    }
    Clock::time_point begin = Clock::now();
    writer.write(rows);
    now = Clock::now();
    result.times.record(now - begin);
  }
}

// The writer is made before the clock starts, and goes after it has stopped.
void run_thread(Store& store, Shared& shared, ThreadResult& result) {
  bool waited_for_start = false;
  try {
    std::unique_ptr<Writer> writer = store.writer();
    waited_for_start = true;
    write_all(*writer, shared, result);
  } catch (...) {
    result.failure = std::current_exception();
    if (!waited_for_start) shared.start.count_down();
  }
}

void add_contents(const Load& load, std::uint64_t rows, Contents& contents) {
  std::uint64_t end = load.first + rows;
  std::uint64_t keys = load.keys == Keys::each_its_own ? end : key_count(load);
  if (contents.size() < keys) contents.resize(keys, kNoRow);
  for (std::uint64_t row = load.first; row < end; ++row) contents[key_number(load, row)] = row;
}

}  // namespace

Load warm_up(std::size_t value_bytes, std::uint64_t wal_limit_bytes) {
  constexpr std::uint64_t kTableBytes = std::uint64_t{3} << 20;
  std::uint64_t table = std::min(kTableBytes, wal_limit_bytes / 4);
  std::uint64_t keys = std::max<std::uint64_t>(table / (kKeyBytes + value_bytes), 1);
  // A quarter more than fills the log.
  std::uint64_t writes = wal_limit_bytes * 5 / 4 / table + 1;
  return {.rows = writes * keys,
          .rows_per_write = keys,
          .keys = Keys::in_turn,
          .key_count = keys,
          .timed = false};
}

LoadResult run_load(Store& store, const Rows& rows, const Load& load, Contents& contents) {
  Shared shared{rows, load, std::latch(static_cast<std::ptrdiff_t>(load.threads))};
  std::vector<ThreadResult> threads(load.threads);
  {
    std::vector<std::jthread> running;
    for (ThreadResult& result : threads) {
      running.emplace_back([&] { run_thread(store, shared, result); });
    }
  }
  const Clock::time_point written = Clock::now();
  store.drain();
  Clock::time_point end = Clock::now();

  Clock::time_point begin = end;
  LoadResult all;
  for (ThreadResult& one : threads) {
    if (one.failure) std::rethrow_exception(one.failure);
    begin = std::min(begin, one.begin);
    all.times.merge(one.times);
  }
  std::uint64_t writes = std::min(shared.next.load(), load.rows / load.rows_per_write);
  all.rows = writes * load.rows_per_write;
  all.elapsed = end - begin;
  all.drained = end - written;
  add_contents(load, all.rows, contents);
  return all;
}

void verify_contents(Store& store, const Rows& rows, const Contents& contents) {
  verify_contents([&store](const Store::Visit& visit) { store.close_and_read(visit); }, rows,
                  contents);
}

void verify_contents(const Read& read, const Rows& rows, const Contents& contents) {
  Contents left = contents;
  read([&](Bytes key, Bytes value) {
    std::optional<std::uint64_t> number = rows.number_of(key);
    if (!number || *number >= left.size() || left[*number] == kNoRow) {
      throw RunError("the database holds a row that was not acknowledged, or twice");
    }
    Bytes expected = rows.value(left[*number]);
    if (!std::equal(value.begin(), value.end(), expected.begin(), expected.end())) {
      throw RunError(fmt::format("key {} has not the value that was written last", *number));
    }
    left[*number] = kNoRow;
  });
  auto lost = std::count_if(left.begin(), left.end(), [](auto row) { return row != kNoRow; });
  if (lost != 0) throw RunError(fmt::format("{} acknowledged rows are not in the database", lost));
}

}  // namespace onelane::bench
