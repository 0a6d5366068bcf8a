#include "bench/contestants/makers.h"
#include "bench/contestants/pg_table.h"

namespace onelane::bench {
namespace {

// Its one writer sends rows into a transaction that is open until it is as large as it should be,
// and waits for the answer to its COMMIT.
class PgPipeline : public Store {
 public:
  explicit PgPipeline(const StoreOptions& options)
      : table_(options), writer_(table_.conninfo()), rows_per_commit_(options.rows_per_commit) {}

  std::unique_ptr<Writer> writer() override { return std::make_unique<Caller>(*this); }
  void drain() override {
    if (open_rows_ != 0) commit_open();
  }
  std::uint64_t commits() const override { return commits_; }
  void close_and_read(const Visit& visit) override { table_.read(visit); }

 private:
  class Caller : public Writer {
   public:
    explicit Caller(PgPipeline& store) : store_(store) {}
    void write(std::span<const KeyValue> rows) override { store_.write(rows); }

   private:
    PgPipeline& store_;
  };

  void write(std::span<const KeyValue> rows) {
    if (open_rows_ == 0) writer_.begin();
    for (const KeyValue& row : rows) writer_.upsert(row);
    open_rows_ += rows.size();
    if (open_rows_ >= rows_per_commit_) commit_open();
  }

  void commit_open() {
    writer_.commit();
    open_rows_ = 0;
    ++commits_;
  }

  PgTable table_;
  PgWriter writer_;
  std::uint64_t rows_per_commit_;
  std::uint64_t open_rows_ = 0;
  std::uint64_t commits_ = 0;
};

}  // namespace

std::unique_ptr<Store> make_pg_pipeline(const StoreOptions& options) {
  return std::make_unique<PgPipeline>(options);
}

}  // namespace onelane::bench
