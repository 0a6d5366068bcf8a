#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <memory>

#include "bench/contestants/makers.h"
#include "bench/kit/errors.h"

namespace onelane::bench {
namespace {

rocksdb::Slice slice(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes bytes_of(const rocksdb::Slice& slice) {
  return {reinterpret_cast<const std::byte*>(slice.data()), slice.size()};
}

void require(const rocksdb::Status& status) {
  if (!status.ok()) throw RunError("RocksDB: " + status.ToString());
}

std::unique_ptr<rocksdb::DB> open(const std::filesystem::path& path) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;  // the values cannot be compressed
  rocksdb::DB* db = nullptr;
  require(rocksdb::DB::Open(options, path, &db));
  return std::unique_ptr<rocksdb::DB>(db);
}

class Rocks : public Store {
 public:
  explicit Rocks(const StoreOptions& options) : db_(open(options.path)) {
    write_.sync = options.synchronous == Synchronous::full;
  }

  std::unique_ptr<Writer> writer() override { return std::make_unique<Caller>(*this); }
  void drain() override {}
  std::uint64_t commits() const override { return 0; }

  void close_and_read(const Visit& visit) override {
    {
      std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
      for (at->SeekToFirst(); at->Valid(); at->Next()) {
        visit(bytes_of(at->key()), bytes_of(at->value()));
      }
      require(at->status());
    }
    require(db_->Close());
  }

 private:
  class Caller : public Writer {
   public:
    explicit Caller(Rocks& store) : store_(store) {}
    void write(std::span<const KeyValue> rows) override {
      if (rows.size() == 1) {
        return require(
            store_.db_->Put(store_.write_, slice(rows.front().key), slice(rows.front().value)));
      }
      rocksdb::WriteBatch batch;
      for (const KeyValue& row : rows) require(batch.Put(slice(row.key), slice(row.value)));
      require(store_.db_->Write(store_.write_, &batch));
    }

   private:
    Rocks& store_;
  };

  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteOptions write_;
};

}  // namespace

std::unique_ptr<Store> make_rocksdb(const StoreOptions& options) {
  return std::make_unique<Rocks>(options);
}

}  // namespace onelane::bench
