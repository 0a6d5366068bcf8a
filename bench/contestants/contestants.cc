#include <fmt/format.h>

#include <nlohmann/json.hpp>
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
#ifdef ONELANE_BENCH_POSTGRES
      {"pg_autocommit", make_pg_autocommit},
      {"pg_pool", make_pg_pool},
      {"pg_pipeline", make_pg_pipeline},
      {"pg_onelane", make_pg_onelane},
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

nlohmann::json server_of(const StoreOptions& options) {
#ifdef ONELANE_BENCH_POSTGRES
  if (!options.postgres.empty()) return pg_server(options);
#else
  (void)options;
#endif
  return nlohmann::json::object();
}

}  // namespace onelane::bench
