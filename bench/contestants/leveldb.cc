#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include <memory>

#include "bench/contestants/makers.h"
#include "bench/kit/errors.h"

namespace onelane::bench {
namespace {

leveldb::Slice slice(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes bytes_of(const leveldb::Slice& slice) {
  return {reinterpret_cast<const std::byte*>(slice.data()), slice.size()};
}

void require(const leveldb::Status& status) {
  if (!status.ok()) throw RunError("LevelDB: " + status.ToString());
}

std::unique_ptr<leveldb::DB> open(const std::filesystem::path& path) {
  leveldb::Options options;
  options.create_if_missing = true;
  options.compression = leveldb::kNoCompression;  // the values cannot be compressed
  leveldb::DB* db = nullptr;
  require(leveldb::DB::Open(options, path, &db));
  return std::unique_ptr<leveldb::DB>(db);
}

class Level : public Store {
 public:
  explicit Level(const StoreOptions& options) : db_(open(options.path)) {
    write_.sync = options.synchronous == Synchronous::full;
  }

  std::unique_ptr<Writer> writer() override { return std::make_unique<Caller>(*this); }
  void drain() override {}
  std::uint64_t commits() const override { return 0; }

  void close_and_read(const Visit& visit) override {
    std::unique_ptr<leveldb::Iterator> at(db_->NewIterator({}));
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      visit(bytes_of(at->key()), bytes_of(at->value()));
    }
    require(at->status());
  }

 private:
  class Caller : public Writer {
   public:
    explicit Caller(Level& store) : store_(store) {}
    void write(std::span<const KeyValue> rows) override {
      if (rows.size() == 1) {
        return require(
            store_.db_->Put(store_.write_, slice(rows.front().key), slice(rows.front().value)));
      }
      leveldb::WriteBatch batch;
      for (const KeyValue& row : rows) batch.Put(slice(row.key), slice(row.value));
      require(store_.db_->Write(store_.write_, &batch));
    }

   private:
    Level& store_;
  };

  std::unique_ptr<leveldb::DB> db_;
  leveldb::WriteOptions write_;
};

}  // namespace

std::unique_ptr<Store> make_leveldb(const StoreOptions& options) {
  return std::make_unique<Level>(options);
}

}  // namespace onelane::bench
