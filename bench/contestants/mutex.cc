#include <mutex>

#include "bench/contestants/makers.h"
#include "bench/contestants/one_connection.h"

namespace onelane::bench {
namespace {

class Mutex : public OneConnection {
 public:
  using OneConnection::OneConnection;

 private:
  void write(std::span<const KeyValue> rows) override {
    std::lock_guard lock(mutex_);
    commit(rows);
  }

  std::mutex mutex_;
};

}  // namespace

std::unique_ptr<Store> make_mutex(const StoreOptions& options) {
  return std::make_unique<Mutex>(options);
}

}  // namespace onelane::bench
