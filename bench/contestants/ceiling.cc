#include <optional>

#include "bench/contestants/makers.h"
#include "bench/contestants/sqlite.h"

namespace onelane::bench {
namespace {

class Ceiling : public Store {
 public:
  explicit Ceiling(const StoreOptions& options) : options_(options) {
    make_database(options);
    writer_.emplace(options);
  }

  std::unique_ptr<Writer> writer() override { return std::make_unique<Only>(*this); }
  void drain() override {
    if (open_rows_ != 0) commit();
  }
  std::uint64_t commits() const override { return commits_; }
  void close_and_read(const Visit& visit) override {
    writer_.reset();
    read_database(options_.path, visit);
  }

 private:
  class Only : public Writer {
   public:
    explicit Only(Ceiling& store) : store_(store) {}
    void write(std::span<const KeyValue> rows) override { store_.write(rows); }

   private:
    Ceiling& store_;
  };

  void write(std::span<const KeyValue> rows) {
    if (open_rows_ == 0) writer_->begin();
    writer_->upsert(rows);
    open_rows_ += rows.size();
    if (open_rows_ >= options_.rows_per_commit) commit();
  }

  void commit() {
    writer_->commit();
    open_rows_ = 0;
    ++commits_;
  }

  StoreOptions options_;
  std::optional<SqliteWriter> writer_;
  std::uint64_t open_rows_ = 0;
  std::uint64_t commits_ = 0;
};

}  // namespace

std::unique_ptr<Store> make_ceiling(const StoreOptions& options) {
  return std::make_unique<Ceiling>(options);
}

}  // namespace onelane::bench
