// The five sources of writes: what they write, as records with SQL that every strategy runs, and
// when the small ones arrive. Everything follows from the input, a number and the seed. The SQL is
// right for SQLite and for PostgreSQL.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "bench/kit/random.h"
#include "bench/kit/units.h"
#include "bench/storm/input.h"
#include "bench/storm/ledger.h"
#include "onelane/record.h"

namespace onelane::bench::storm {

inline constexpr Source kBlobs{0};
inline constexpr Source kSync{1};
inline constexpr Source kConnect{2};
inline constexpr Source kIdentify{3};
inline constexpr Source kDomains{4};
inline constexpr std::size_t kSources = 5;
inline constexpr std::array<Source, kSources> kAllSources{kBlobs, kSync, kConnect, kIdentify,
                                                          kDomains};

std::string_view name(Source source) noexcept;

inline constexpr std::uint32_t kPeers = 2000;
inline constexpr std::uint32_t kDomainCount = 500;
inline constexpr std::uint32_t kSyncPeers = 16;
inline constexpr std::uint32_t kSyncBatchesPerPeer = 64;
inline constexpr std::uint32_t kSyncRowsPerBatch = 64;

extern const std::string_view kSchema;  // SQLite's

// blobs: one block of the input is a BlockRow (the first time that its content comes up in a
// generation), an EntryRow and a LinkRow.
struct BlockRow {
  std::span<const std::byte> hash;
  std::int64_t generation;
  std::span<const std::byte> data;
};
struct EntryRow {
  std::string_view path;
  std::int64_t generation;
  std::int64_t seq;  // of the block in its file
  std::int64_t offset;
  std::int64_t size;
};
struct LinkRow {
  std::span<const std::byte> hash;
  std::int64_t generation;
  std::string_view path;
  std::int64_t seq;
};
struct BlobRows {
  std::optional<BlockRow> block;
  EntryRow entry;
  LinkRow link;
};
// Of the number-th block that is written, from 0: a pass over the input is a generation. Views into
// the input.
BlobRows blob_rows(const Input& input, std::uint64_t number);

// sync: a batch is kSyncRowsPerBatch consecutive items of one peer.
struct SyncRow {
  std::int64_t peer;
  std::int64_t item;
  std::int64_t generation;
};
SyncRow sync_row(std::uint64_t batch, std::uint32_t row);

struct ConnectRow {
  std::int64_t peer;
  std::int64_t number;
};
struct IdentifyRow {
  std::int64_t peer;
  std::string agent;
  std::int64_t number;
};
struct DomainRow {
  std::int64_t domain;
  std::string answer;
};
std::string agent_text(std::int64_t peer, std::int64_t number);

// One write that a small source wants at some time.
struct Arrival {
  Source source = kConnect;
  std::uint32_t key = 0;     // the peer, or the domain
  std::uint64_t number = 0;  // of this source's arrivals, from 1
  Nanoseconds offset{0};     // from the start of the run: the intended start
};
ConnectRow connect_row(const Arrival& arrival);
IdentifyRow identify_row(const Arrival& arrival);
DomainRow domain_row(const Arrival& arrival);

// Poisson arrivals of the small sources, merged: each connection is also identified, and every
// fourth asks for a domain, each at a time of its own.
class Arrivals {
 public:
  Arrivals(double connects_per_second, std::uint64_t seed);
  Arrival next();

 private:
  struct Stream {
    Source source;
    double mean_gap_ns;
    std::uint32_t keys;
    Random random;
    double next_ns = 0;
    std::uint64_t number = 0;
  };
  std::vector<Stream> streams_;
};

}  // namespace onelane::bench::storm

namespace onelane {

template <>
struct RecordTraits<bench::storm::BlockRow> {
  static constexpr std::string_view sql =
      "INSERT INTO blocks(hash, generation, size, data) VALUES($1, $2, $3, $4)";
  static auto columns(const bench::storm::BlockRow& r) {
    return std::tuple(r.hash, r.generation, static_cast<std::int64_t>(r.data.size()), r.data);
  }
};

template <>
struct RecordTraits<bench::storm::EntryRow> {
  static constexpr std::string_view sql =
      "INSERT INTO entries(path, generation, seq, \"offset\", size) VALUES($1, $2, $3, $4, $5)";
  static auto columns(const bench::storm::EntryRow& r) {
    return std::tuple(r.path, r.generation, r.seq, r.offset, r.size);
  }
};

template <>
struct RecordTraits<bench::storm::LinkRow> {
  static constexpr std::string_view sql =
      "INSERT INTO links(hash, generation, path, seq) VALUES($1, $2, $3, $4)";
  static auto columns(const bench::storm::LinkRow& r) {
    return std::tuple(r.hash, r.generation, r.path, r.seq);
  }
};

template <>
struct RecordTraits<bench::storm::SyncRow> {
  static constexpr std::string_view sql =
      "INSERT INTO sync_state(peer, item, generation, writes) VALUES($1, $2, $3, 1) "
      "ON CONFLICT(peer, item) DO UPDATE SET generation = excluded.generation, "
      "writes = sync_state.writes + 1";
  static auto columns(const bench::storm::SyncRow& r) {
    return std::tuple(r.peer, r.item, r.generation);
  }
};

template <>
struct RecordTraits<bench::storm::ConnectRow> {
  static constexpr std::string_view sql =
      "INSERT INTO peers(id, connected, connects) VALUES($1, $2, 1) "
      "ON CONFLICT(id) DO UPDATE SET connected = excluded.connected, "
      "connects = peers.connects + 1";
  static auto columns(const bench::storm::ConnectRow& r) { return std::tuple(r.peer, r.number); }
};

template <>
struct RecordTraits<bench::storm::IdentifyRow> {
  static constexpr std::string_view sql =
      "INSERT INTO peers(id, agent, identified, identifies) VALUES($1, $2, $3, 1) "
      "ON CONFLICT(id) DO UPDATE SET agent = excluded.agent, identified = excluded.identified, "
      "identifies = peers.identifies + 1";
  static auto columns(const bench::storm::IdentifyRow& r) {
    return std::tuple(r.peer, std::string_view(r.agent), r.number);
  }
  static constexpr std::array<std::uint16_t, 1> key_columns{0};
};

template <>
struct RecordTraits<bench::storm::DomainRow> {
  static constexpr std::string_view sql =
      "INSERT INTO domains(id, answer, updates) VALUES($1, $2, 1) "
      "ON CONFLICT(id) DO UPDATE SET answer = excluded.answer, updates = domains.updates + 1";
  static auto columns(const bench::storm::DomainRow& r) {
    return std::tuple(r.domain, std::string_view(r.answer));
  }
};

}  // namespace onelane
