// What daemons have by hand: a thread with a queue under a lock, which commits 32 rows at a time,
// or what there is once the oldest has waited for 25 ms.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "bench/contestants/makers.h"
#include "bench/contestants/sqlite.h"
#include "bench/kit/errors.h"

namespace onelane::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatchRows = 32;
constexpr std::chrono::milliseconds kBatchDelay(25);
constexpr std::size_t kCapacity = 65'536;  // as onelane's default

// A caller that waits; its lock is the store's.
struct Waiting {
  std::condition_variable done;
  bool committed = false;
};

struct Item {
  std::vector<std::byte> bytes;  // a key and a value after the other, for rows nobody waits for
  std::vector<KeyValue> rows;
  Waiting* waiting = nullptr;
  Clock::time_point queued;
};

class FixedBatch : public Store {
 public:
  explicit FixedBatch(const StoreOptions& options) : options_(options) {
    make_database(options);
    writer_.emplace(options);
    batcher_ = std::jthread([this] { run(); });
  }
  ~FixedBatch() override { stop(); }

  std::unique_ptr<Writer> writer() override { return std::make_unique<Caller>(*this); }

  void drain() override {
    std::unique_lock lock(mutex_);
    draining_ = true;
    arrived_.notify_one();
    room_.wait(lock, [this] { return (queue_.empty() && !busy_) || failed_; });
    draining_ = false;
    check(lock);
  }

  std::uint64_t commits() const override { return commits_; }

  void close_and_read(const Visit& visit) override {
    stop();
    writer_.reset();
    read_database(options_.path, visit);
  }

 private:
  class Caller : public Writer {
   public:
    explicit Caller(FixedBatch& store) : store_(store) {}
    void write(std::span<const KeyValue> rows) override {
      if (store_.options_.acknowledgement == Acknowledgement::waited_for)
        store_.write(rows);
      else
        store_.push(rows);
    }

   private:
    FixedBatch& store_;
  };

  void write(std::span<const KeyValue> rows) {
    Waiting self;
    std::unique_lock lock(mutex_);
    enqueue({{}, {rows.begin(), rows.end()}, &self, Clock::now()}, lock);
    self.done.wait(lock, [&] { return self.committed || failed_; });
    check(lock);
  }

  void push(std::span<const KeyValue> rows) {
    Item item = copy_of(rows);
    std::unique_lock lock(mutex_);
    enqueue(std::move(item), lock);
  }

  static Item copy_of(std::span<const KeyValue> rows) {
    Item item;
    std::size_t size = 0;
    for (const KeyValue& row : rows) size += row.key.size() + row.value.size();
    item.bytes.reserve(size);
    item.rows.reserve(rows.size());
    auto keep = [&bytes = item.bytes](Bytes part) {
      bytes.insert(bytes.end(), part.begin(), part.end());
      return Bytes(bytes.data() + (bytes.size() - part.size()), part.size());
    };
    for (const KeyValue& row : rows) {
      Bytes key = keep(row.key);
      item.rows.push_back({key, keep(row.value)});
    }
    item.queued = Clock::now();
    return item;
  }

  void enqueue(Item item, std::unique_lock<std::mutex>& lock) {
    room_.wait(lock, [this] { return queue_.size() < kCapacity || failed_; });
    check(lock);
    queue_.push_back(std::move(item));
    // The batcher sleeps until there is something, and then until there is enough.
    if (queue_.size() == 1 || queue_.size() == kBatchRows) arrived_.notify_one();
  }

  void check(const std::unique_lock<std::mutex>&) const {
    if (failed_) throw RunError("the batcher failed");
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      arrived_.wait(lock, [this] { return !queue_.empty() || stopping_; });
      if (queue_.empty() || failed_) return;
      arrived_.wait_until(lock, queue_.front().queued + kBatchDelay,
                          [this] { return queue_.size() >= kBatchRows || stopping_ || draining_; });
      commit_one_batch(lock);
    }
  }

  void commit_one_batch(std::unique_lock<std::mutex>& lock) {
    std::vector<Item> batch;
    while (!queue_.empty() && batch.size() < kBatchRows) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    busy_ = true;
    lock.unlock();
    bool committed = commit(batch);
    lock.lock();
    busy_ = false;
    failed_ = !committed;
    for (Item& item : batch) {
      if (item.waiting == nullptr) continue;
      item.waiting->committed = committed;
      item.waiting->done.notify_one();
    }
    room_.notify_all();
  }

  bool commit(const std::vector<Item>& batch) noexcept {
    try {
      writer_->begin();
      for (const Item& item : batch) writer_->upsert(item.rows);
      writer_->commit();
      ++commits_;
      return true;
    } catch (const RunError&) {
      return false;
    }
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      arrived_.notify_one();
    }
    if (batcher_.joinable()) batcher_.join();
  }

  StoreOptions options_;
  std::optional<SqliteWriter> writer_;  // the batcher's
  std::uint64_t commits_ = 0;           // the batcher's
  std::mutex mutex_;
  std::condition_variable arrived_;  // for the batcher
  std::condition_variable room_;     // for callers that wait for room, or for the end
  std::deque<Item> queue_;
  bool busy_ = false;  // a batch is being committed
  bool draining_ = false;
  bool stopping_ = false;
  bool failed_ = false;
  std::jthread batcher_;
};

}  // namespace

std::unique_ptr<Store> make_fixed_batch(const StoreOptions& options) {
  return std::make_unique<FixedBatch>(options);
}

}  // namespace onelane::bench
