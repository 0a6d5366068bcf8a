#include <atomic>

#include "bench/contestants/makers.h"
#include "bench/contestants/pg_table.h"

namespace onelane::bench {
namespace {

class PgAutocommit : public Store {
 public:
  explicit PgAutocommit(const StoreOptions& options) : table_(options) {}

  std::unique_ptr<Writer> writer() override { return std::make_unique<Caller>(*this); }
  void drain() override {}
  std::uint64_t commits() const override { return commits_; }
  void close_and_read(const Visit& visit) override { table_.read(visit); }

 private:
  class Caller : public Writer {
   public:
    explicit Caller(PgAutocommit& store) : store_(store), writer_(store.table_.conninfo()) {}

    void write(std::span<const KeyValue> rows) override {
      writer_.write(rows);
      store_.commits_.fetch_add(1, std::memory_order_relaxed);
    }

   private:
    PgAutocommit& store_;
    PgWriter writer_;
  };

  PgTable table_;
  std::atomic<std::uint64_t> commits_{0};
};

}  // namespace

std::unique_ptr<Store> make_pg_autocommit(const StoreOptions& options) {
  return std::make_unique<PgAutocommit>(options);
}

}  // namespace onelane::bench
