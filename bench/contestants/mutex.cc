#include <mutex>
#include <optional>

#include "bench/contestants/makers.h"
#include "bench/contestants/sqlite.h"

namespace onelane::bench {
namespace {

class Mutex : public Store {
 public:
  explicit Mutex(const StoreOptions& options) : path_(options.path) {
    make_database(options);
    writer_.emplace(options);
  }

  std::unique_ptr<Writer> writer() override { return std::make_unique<Caller>(*this); }
  void drain() override {}
  std::uint64_t commits() const override { return commits_; }
  void close_and_read(const Visit& visit) override {
    writer_.reset();
    read_database(path_, visit);
  }

 private:
  class Caller : public Writer {
   public:
    explicit Caller(Mutex& store) : store_(store) {}
    void write(std::span<const KeyValue> rows) override { store_.write(rows); }

   private:
    Mutex& store_;
  };

  // One row is a transaction by itself, and saves the two statements around it.
  void write(std::span<const KeyValue> rows) {
    std::lock_guard lock(mutex_);
    ++commits_;
    if (rows.size() == 1) return writer_->upsert(rows.front());
    writer_->begin();
    writer_->upsert(rows);
    writer_->commit();
  }

  std::filesystem::path path_;
  std::mutex mutex_;
  std::optional<SqliteWriter> writer_;
  std::uint64_t commits_ = 0;
};

}  // namespace

std::unique_ptr<Store> make_mutex(const StoreOptions& options) {
  return std::make_unique<Mutex>(options);
}

}  // namespace onelane::bench
