#include "bench/contestants/makers.h"
#include "bench/contestants/one_connection.h"

namespace onelane::bench {
namespace {

// Its one writer leaves a transaction open until it is as large as it should be.
class Ceiling : public OneConnection {
 public:
  explicit Ceiling(const StoreOptions& options)
      : OneConnection(options), rows_per_commit_(options.rows_per_commit) {}

  void drain() override {
    if (open_rows_ != 0) commit_open();
  }

 private:
  void write(std::span<const KeyValue> rows) override {
    if (open_rows_ == 0) connection().begin();
    connection().upsert(rows);
    open_rows_ += rows.size();
    if (open_rows_ >= rows_per_commit_) commit_open();
  }

  void commit_open() {
    connection().commit();
    open_rows_ = 0;
    count_commit();
  }

  std::uint64_t rows_per_commit_;
  std::uint64_t open_rows_ = 0;
};

}  // namespace

std::unique_ptr<Store> make_ceiling(const StoreOptions& options) {
  return std::make_unique<Ceiling>(options);
}

}  // namespace onelane::bench
