// What services have: a pool of connections, of which a caller takes one for its write, and waits
// while there is none.
#include <condition_variable>
#include <mutex>
#include <vector>

#include "bench/contestants/makers.h"
#include "bench/contestants/pg_table.h"

namespace onelane::bench {
namespace {

constexpr std::size_t kConnections = 16;

class PgPool : public Store {
 public:
  explicit PgPool(const StoreOptions& options) : table_(options) {
    for (std::size_t i = 0; i < kConnections; ++i) {
      free_.push_back(std::make_unique<PgWriter>(table_.conninfo()));
    }
  }

  std::unique_ptr<Writer> writer() override { return std::make_unique<Caller>(*this); }
  void drain() override {}
  std::uint64_t commits() const override { return commits_; }
  void close_and_read(const Visit& visit) override {
    free_.clear();
    table_.read(visit);
  }

 private:
  class Caller : public Writer {
   public:
    explicit Caller(PgPool& store) : store_(store) {}
    void write(std::span<const KeyValue> rows) override { Turn(store_).writer->write(rows); }

   private:
    PgPool& store_;
  };

  // A connection that failed comes back, too: the next caller's write fails with it.
  struct Turn {
    explicit Turn(PgPool& of) : pool(of) {
      std::unique_lock lock(pool.mutex_);
      pool.returned_.wait(lock, [this] { return !pool.free_.empty(); });
      writer = std::move(pool.free_.back());
      pool.free_.pop_back();
    }
    ~Turn() {
      {
        const std::lock_guard lock(pool.mutex_);
        pool.free_.push_back(std::move(writer));
        ++pool.commits_;
      }
      pool.returned_.notify_one();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    PgPool& pool;
    std::unique_ptr<PgWriter> writer;
  };

  PgTable table_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<PgWriter>> free_;
  std::uint64_t commits_ = 0;
};

}  // namespace

std::unique_ptr<Store> make_pg_pool(const StoreOptions& options) {
  return std::make_unique<PgPool>(options);
}

}  // namespace onelane::bench
