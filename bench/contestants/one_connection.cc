#include "bench/contestants/one_connection.h"

namespace onelane::bench {

class OneConnection::Caller : public Writer {
 public:
  explicit Caller(OneConnection& store) : store_(store) {}
  void write(std::span<const KeyValue> rows) override { store_.write(rows); }

 private:
  OneConnection& store_;
};

OneConnection::OneConnection(const StoreOptions& options) : path_(options.path) {
  make_database(options);
  connection_.emplace(options);
}

std::unique_ptr<Writer> OneConnection::writer() { return std::make_unique<Caller>(*this); }

void OneConnection::close_and_read(const Visit& visit) {
  connection_.reset();
  read_database(path_, visit);
}

void OneConnection::commit(std::span<const KeyValue> rows) {
  count_commit();
  if (rows.size() == 1) return connection_->upsert(rows.front());
  connection_->begin();
  connection_->upsert(rows);
  connection_->commit();
}

}  // namespace onelane::bench
