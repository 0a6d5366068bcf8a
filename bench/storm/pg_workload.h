// What the storm writes to a PostgreSQL server in another way than to SQLite.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "onelane/record.h"

namespace onelane::bench::storm {

extern const std::string_view kPgSchema;

// What is asked of the server with SHOW.
inline constexpr std::array<std::string_view, 4> kPgSettings{
    "server_version", "synchronous_commit", "fsync", "default_transaction_isolation"};

// The rows of several batches, for a single statement: each is a round trip. Arrays, as PostgreSQL
// writes them.
struct SyncRows {
  std::string peers;
  std::string items;
  std::string generations;
};
SyncRows sync_rows(std::span<const std::uint64_t> batches);

}  // namespace onelane::bench::storm

namespace onelane {

template <>
struct RecordTraits<bench::storm::SyncRows> {
  static constexpr std::string_view sql =
      "INSERT INTO sync_state(peer, item, generation, writes) SELECT peer, item, generation, 1 "
      "FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::bigint[]) "
      "AS r(peer, item, generation) "
      "ON CONFLICT(peer, item) DO UPDATE SET generation = excluded.generation, "
      "writes = sync_state.writes + 1";
  static auto columns(const bench::storm::SyncRows& r) {
    return std::tuple(std::string_view(r.peers), std::string_view(r.items),
                      std::string_view(r.generations));
  }
};

}  // namespace onelane
