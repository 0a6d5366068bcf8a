#include "bench/storm/pg_workload.h"

#include <fmt/format.h>

#include <iterator>

#include "bench/storm/workload.h"

namespace onelane::bench::storm {

// Contents are not compressed, as SQLite's are not.
const std::string_view kPgSchema = R"sql(
CREATE TABLE blocks(hash bytea NOT NULL, generation bigint NOT NULL, size bigint NOT NULL,
                    data bytea NOT NULL, UNIQUE(hash, generation));
ALTER TABLE blocks ALTER data SET STORAGE EXTERNAL;
CREATE TABLE entries(path text NOT NULL, generation bigint NOT NULL, seq bigint NOT NULL,
                     "offset" bigint NOT NULL, size bigint NOT NULL,
                     PRIMARY KEY(path, generation, seq));
CREATE TABLE links(hash bytea NOT NULL, generation bigint NOT NULL, path text NOT NULL,
                   seq bigint NOT NULL, PRIMARY KEY(hash, generation, path, seq));
CREATE TABLE sync_state(peer bigint NOT NULL, item bigint NOT NULL, generation bigint NOT NULL,
                        writes bigint NOT NULL, PRIMARY KEY(peer, item));
CREATE TABLE peers(id bigint PRIMARY KEY, connected bigint, connects bigint NOT NULL DEFAULT 0,
                   agent text, identified bigint, identifies bigint NOT NULL DEFAULT 0);
CREATE TABLE domains(id bigint PRIMARY KEY, answer text NOT NULL, updates bigint NOT NULL);
)sql";

SyncRows sync_rows(std::span<const std::uint64_t> batches) {
  SyncRows rows{"{", "{", "{"};
  const auto add = [](std::string& array, std::int64_t value) {
    fmt::format_to(std::back_inserter(array), "{}{}", array.size() == 1 ? "" : ",", value);
  };
  for (const std::uint64_t batch : batches) {
    for (std::uint32_t at = 0; at < kSyncRowsPerBatch; ++at) {
      const SyncRow row = sync_row(batch, at);
      add(rows.peers, row.peer);
      add(rows.items, row.item);
      add(rows.generations, row.generation);
    }
  }
  for (std::string* array : {&rows.peers, &rows.items, &rows.generations}) array->push_back('}');
  return rows;
}

}  // namespace onelane::bench::storm
