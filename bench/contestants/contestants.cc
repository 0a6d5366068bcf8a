#include <fmt/format.h>

#include <utility>

#include "bench/contestants/makers.h"
#include "bench/kit/errors.h"

namespace onelane::bench {
namespace {

const std::vector<std::pair<std::string, MakeStore*>>& makers() {
  static const std::vector<std::pair<std::string, MakeStore*>> all{
      {"direct", make_direct},
      {"mutex", make_mutex},
      {"fixed_batch", make_fixed_batch},
      {"leader", make_leader},
      {"ceiling", make_ceiling},
      {"onelane", make_onelane},
      {"durable", make_durable},
      {"journaled", make_journaled},
      {"traced", make_traced},
      {"beside_reader", make_beside_reader},
#ifdef ONELANE_BENCH_ROCKSDB
      {"rocksdb", make_rocksdb},
#endif
#ifdef ONELANE_BENCH_LEVELDB
      {"leveldb", make_leveldb},
#endif
  };
  return all;
}

}  // namespace

const std::vector<std::string>& contestant_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& maker : makers()) all.push_back(maker.first);
    return all;
  }();
  return names;
}

std::unique_ptr<Store> make_store(std::string_view contestant, const StoreOptions& options) {
  for (const auto& [name, make] : makers()) {
    if (name == contestant) return make(options);
  }
  throw UsageError(
      fmt::format("'{}' is none of {}", contestant, fmt::join(contestant_names(), ", ")));
}

}  // namespace onelane::bench
