#include "bench/storm/workload.h"

#include <fmt/format.h>

#include <algorithm>

namespace onelane::bench::storm {

const std::string_view kSchema = R"sql(
CREATE TABLE blocks(hash BLOB NOT NULL, generation INTEGER NOT NULL, size INTEGER NOT NULL,
                    data BLOB NOT NULL, UNIQUE(hash, generation));
CREATE TABLE entries(path TEXT NOT NULL, generation INTEGER NOT NULL, seq INTEGER NOT NULL,
                     offset INTEGER NOT NULL, size INTEGER NOT NULL,
                     PRIMARY KEY(path, generation, seq)) WITHOUT ROWID;
CREATE TABLE links(hash BLOB NOT NULL, generation INTEGER NOT NULL, path TEXT NOT NULL,
                   seq INTEGER NOT NULL,
                   PRIMARY KEY(hash, generation, path, seq)) WITHOUT ROWID;
CREATE TABLE sync_state(peer INTEGER NOT NULL, item INTEGER NOT NULL, generation INTEGER NOT NULL,
                        writes INTEGER NOT NULL, PRIMARY KEY(peer, item)) WITHOUT ROWID;
CREATE TABLE peers(id INTEGER PRIMARY KEY, connected INTEGER, connects INTEGER NOT NULL DEFAULT 0,
                   agent TEXT, identified INTEGER, identifies INTEGER NOT NULL DEFAULT 0);
CREATE TABLE domains(id INTEGER PRIMARY KEY, answer TEXT NOT NULL, updates INTEGER NOT NULL);
)sql";

namespace {

constexpr std::int64_t signed_of(std::uint64_t value) { return static_cast<std::int64_t>(value); }

}  // namespace

std::string_view name(Source source) noexcept {
  constexpr std::array<std::string_view, kSources> kNames{"blobs", "sync", "connect", "identify",
                                                          "domains"};
  return kNames[index(source)];
}

BlobRows blob_rows(const Input& input, std::uint64_t number) {
  const Block& block = input.blocks[number % input.blocks.size()];
  const std::string& path = input.files[block.file].path;
  std::int64_t generation = signed_of(number / input.blocks.size());
  BlobRows rows{std::nullopt,
                {path, generation, block.seq, signed_of(block.offset), block.size},
                {block.hash, generation, path, block.seq}};
  if (block.first) rows.block = BlockRow{block.hash, generation, input.content(block)};
  return rows;
}

SyncRow sync_row(std::uint64_t batch, std::uint32_t row) {
  std::uint64_t within = batch % (kSyncPeers * kSyncBatchesPerPeer);
  return {signed_of(within / kSyncBatchesPerPeer),
          signed_of(within % kSyncBatchesPerPeer * kSyncRowsPerBatch + row),
          signed_of(batch / (kSyncPeers * kSyncBatchesPerPeer))};
}

std::string agent_text(std::int64_t peer, std::int64_t number) {
  return fmt::format("agent-{}/{} (protocols 1, 2, 3)", peer, number);
}

ConnectRow connect_row(const Arrival& arrival) { return {arrival.key, signed_of(arrival.number)}; }

IdentifyRow identify_row(const Arrival& arrival) {
  std::int64_t number = signed_of(arrival.number);
  return {arrival.key, agent_text(arrival.key, number), number};
}

DomainRow domain_row(const Arrival& arrival) {
  return {arrival.key, fmt::format("/dnsaddr/{}.example/{}", arrival.key, arrival.number)};
}

Arrivals::Arrivals(double connects_per_second, std::uint64_t seed) {
  double gap = 1e9 / connects_per_second;
  constexpr double kConnectsPerDomain = 4;
  streams_.push_back({kConnect, gap, kPeers, Random(seed)});
  streams_.push_back({kIdentify, gap, kPeers, Random(seed + 1)});
  streams_.push_back({kDomains, gap * kConnectsPerDomain, kDomainCount, Random(seed + 2)});
  for (Stream& stream : streams_) stream.next_ns = stream.random.exponential(stream.mean_gap_ns);
}

Arrival Arrivals::next() {
  Stream& stream =
      *std::min_element(streams_.begin(), streams_.end(),
                        [](const Stream& a, const Stream& b) { return a.next_ns < b.next_ns; });
  Arrival arrival{stream.source, stream.random.skewed(stream.keys), ++stream.number,
                  Nanoseconds(static_cast<std::int64_t>(stream.next_ns))};
  stream.next_ns += stream.random.exponential(stream.mean_gap_ns);
  return arrival;
}

}  // namespace onelane::bench::storm
