#include <atomic>

#include "bench/contestants/makers.h"
#include "bench/contestants/sqlite.h"

namespace onelane::bench {
namespace {

class Direct : public Store {
 public:
  explicit Direct(const StoreOptions& options) : options_(options) { make_database(options); }

  std::unique_ptr<Writer> writer() override { return std::make_unique<Caller>(*this); }
  void drain() override {}
  std::uint64_t commits() const override { return commits_; }
  void close_and_read(const Visit& visit) override { read_database(options_.path, visit); }

 private:
  class Caller : public Writer {
   public:
    explicit Caller(Direct& store) : store_(store), writer_(store.options_) {}

    void write(std::span<const KeyValue> rows) override {
      writer_.begin();
      writer_.upsert(rows);
      writer_.commit();
      store_.commits_.fetch_add(1, std::memory_order_relaxed);
    }

   private:
    Direct& store_;
    SqliteWriter writer_;
  };

  StoreOptions options_;
  std::atomic<std::uint64_t> commits_{0};
};

}  // namespace

std::unique_ptr<Store> make_direct(const StoreOptions& options) {
  return std::make_unique<Direct>(options);
}

}  // namespace onelane::bench
