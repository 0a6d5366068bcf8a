#include "bench/storm/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string_view>
#include <unordered_map>

#include "bench/storm/workload.h"

namespace onelane::bench::storm {
namespace {

constexpr std::size_t kExamples = 10;

// The rows of one acknowledged block.
enum Part : std::uint8_t { kBlockPart = 1, kEntryPart = 2, kLinkPart = 4 };

// The writes that may have been committed last for a peer: more than one where a commit has
// several.
struct Newest {
  std::uint64_t order = 0;
  std::vector<std::uint64_t> numbers;
};

class Verifier {
 public:
  Verifier(Reader& database, const Input& input, const Ledger& ledger,
           const std::optional<JournalStats>& journal)
      : database_(database), input_(input), ledger_(ledger), journal_(journal) {
    verdict_.lost.resize(kSources);
    for (std::size_t i = 0; i < input_.blocks.size(); ++i) {
      if (input_.blocks[i].first) first_of_hash_[input_.blocks[i].hash] = i;
    }
    for (std::size_t i = 0; i < input_.files.size(); ++i) file_of_path_[input_.files[i].path] = i;
    for (const Mark& mark : ledger_.marks()) expect(mark);
  }

  Verdict run() {
    check_accounts();
    if (journal_) check_journal();
    check_blocks();
    check_entries();
    check_links();
    find_blocks();
    check_sync();
    check_peers();
    check_domains();
    check_integrity();
    return std::move(verdict_);
  }

 private:
  void expect(const Mark& mark) {
    switch (mark.source) {
      case kBlobs:
        if (!parts_.emplace(mark.number, std::uint8_t{0}).second) {
          fault("block {} was acknowledged twice", mark.number);
        }
        break;
      case kSync:
        for (std::uint32_t row = 0; row < kSyncRowsPerBatch; ++row) {
          SyncRow at = sync_row(mark.number, row);
          ++sync_writes_[{at.peer, at.item}];
        }
        if (!batches_.insert(mark.number).second) {
          fault("batch {} was acknowledged twice", mark.number);
        }
        break;
      case kConnect:
        ++connects_[mark.key];
        break;
      case kIdentify:
        ++identifies_[mark.key];
        expect_newest(mark);
        break;
      case kDomains:
        ++domains_[mark.key];
        break;
    }
  }

  void expect_newest(const Mark& mark) {
    Newest& newest = newest_[mark.key];
    if (mark.order > newest.order) newest = {mark.order, {}};
    if (mark.order == newest.order) newest.numbers.push_back(mark.number);
  }

  template <class... Args>
  void fault(fmt::format_string<Args...> text, Args&&... args) {
    ++verdict_.faults;
    example(fmt::format(text, std::forward<Args>(args)...));
  }

  void lose(Source source, std::uint64_t count, const std::string& what) {
    if (count == 0) return;
    verdict_.lost[index(source)] += count;
    example(fmt::format("{}: {} acknowledged, and not found: {}", name(source), count, what));
  }

  void example(std::string text) {
    if (verdict_.examples.size() < kExamples) verdict_.examples.push_back(std::move(text));
  }

  void check_accounts() {
    for (Source source : kAllSources) {
      const Tally& tally = ledger_.of(source);
      std::uint64_t ends =
          std::accumulate(tally.refused.begin(), tally.refused.end(), tally.acknowledged);
      if (ends != tally.offered) {
        fault("{}: {} were offered, and {} ended", name(source), tally.offered, ends);
      }
    }
  }

  // Those of sync count jobs, where the ledger counts batches.
  void check_journal() {
    for (const ClassStats& stats : journal_->classes) {
      std::uint64_t ends = std::accumulate(stats.ends.begin(), stats.ends.end(), std::uint64_t{0});
      if (stats.accepted != ends || stats.in_flight != 0) {
        fault("{}: the journal accepted {}, of which {} ended and {} are in flight", stats.name,
              stats.accepted, ends, stats.in_flight);
      }
      if (stats.applied_position != stats.journaled_position || stats.dead_letters != 0) {
        fault("{}: journaled up to {}, applied up to {}, {} dead letters", stats.name,
              stats.journaled_position, stats.applied_position, stats.dead_letters);
      }
    }
    for (Source source : {kBlobs, kConnect, kIdentify, kDomains}) {
      const Tally& tally = ledger_.of(source);
      const ClassStats& stats = journal_->classes[index(source)];
      agree(source, "offered", tally.offered - tally.count(Refusal::unserved), stats.offered);
      agree(source, "committed", tally.acknowledged, stats.end(End::committed));
      agree(source, "superseded", tally.count(Refusal::superseded), stats.end(End::superseded));
      agree(source, "dropped", tally.count(Refusal::dropped), stats.end(End::dropped));
    }
  }

  void agree(Source source, std::string_view what, std::uint64_t ledger, std::uint64_t journal) {
    if (ledger == journal) return;
    fault("{}: {} {} by what callers were told, {} by the journal's statistics", name(source),
          ledger, what, journal);
  }

  // The part of the block with that number is there.
  void found(std::uint64_t number, Part part, std::string_view table) {
    auto expected = parts_.find(number);
    if (expected == parts_.end()) {
      fault("{}: has a row of block {}, which was not acknowledged", table, number);
    } else if ((expected->second & part) != 0) {
      fault("{}: has two rows of block {}", table, number);
    } else {
      expected->second = static_cast<std::uint8_t>(expected->second | part);
    }
  }

  std::uint64_t number_of(std::int64_t generation, std::size_t block) const {
    return static_cast<std::uint64_t>(generation) * input_.blocks.size() + block;
  }

  void check_blocks() {
    const auto rows = database_.rows("SELECT hash, generation, size, data FROM blocks");
    while (rows->next()) {
      auto known = first_of_hash_.find(hash_column(*rows, 0));
      if (known == first_of_hash_.end()) {
        fault("blocks: has a hash that is not the input's");
        continue;
      }
      const Block& block = input_.blocks[known->second];
      std::span<const std::byte> content = input_.content(block);
      std::span<const std::byte> data = rows->blob(3);
      if (!std::equal(data.begin(), data.end(), content.begin(), content.end()) ||
          rows->integer(2) != block.size) {
        fault("blocks: {} at {} is not the file's content", input_.files[block.file].path,
              block.offset);
      }
      found(number_of(rows->integer(1), known->second), kBlockPart, "blocks");
    }
  }

  void check_entries() {
    const auto rows = database_.rows("SELECT path, seq, generation, \"offset\", size FROM entries");
    while (rows->next()) {
      std::size_t at = 0;
      if (!find_block(*rows, "entries", at)) continue;
      const Block& block = input_.blocks[at];
      if (rows->integer(3) != static_cast<std::int64_t>(block.offset) ||
          rows->integer(4) != block.size) {
        fault("entries: {} block {} has a wrong place", rows->text(0), rows->integer(1));
      }
      found(number_of(rows->integer(2), at), kEntryPart, "entries");
    }
  }

  void check_links() {
    const auto rows = database_.rows("SELECT path, seq, generation, hash FROM links");
    while (rows->next()) {
      std::size_t at = 0;
      if (!find_block(*rows, "links", at)) continue;
      if (hash_column(*rows, 3) != input_.blocks[at].hash) {
        fault("links: {} block {} has a wrong hash", rows->text(0), rows->integer(1));
      }
      found(number_of(rows->integer(2), at), kLinkPart, "links");
    }
  }

  // By the path in column 0 and the number in the file in column 1.
  bool find_block(const Rows& rows, std::string_view table, std::size_t& at) {
    auto known = file_of_path_.find(rows.text(0));
    auto seq = static_cast<std::uint64_t>(rows.integer(1));
    if (known == file_of_path_.end() || seq >= input_.files[known->second].blocks) {
      fault("{}: {} block {} is not the input's", table, rows.text(0), seq);
      return false;
    }
    at = input_.files[known->second].first_block + seq;
    return true;
  }

  static Hash hash_column(const Rows& rows, int column) {
    Hash hash{};
    std::span<const std::byte> blob = rows.blob(column);
    if (blob.size() == hash.size()) std::copy(blob.begin(), blob.end(), hash.begin());
    return hash;
  }

  void find_blocks() {
    for (const auto& [number, parts] : parts_) {
      bool first = input_.blocks[number % input_.blocks.size()].first;
      int wanted = kEntryPart | kLinkPart | (first ? kBlockPart : 0);
      if (parts != wanted) lose(kBlobs, 1, fmt::format("block {}", number));
    }
  }

  // `found` writes of one row, where `acknowledged` were promised. True if none is missing.
  bool check_count(Source source, const std::string& row, std::uint64_t acknowledged,
                   std::uint64_t found) {
    if (found > acknowledged) {
      fault("{}: {} counts {} writes, {} were acknowledged", name(source), row, found,
            acknowledged);
    }
    return found >= acknowledged;
  }

  void lose_missing(Source source, const std::string& row, std::uint64_t acknowledged,
                    std::uint64_t found) {
    if (!check_count(source, row, acknowledged, found)) {
      lose(source, acknowledged - found, row);
    }
  }

  // A batch is lost if any of its rows is; a row that misses n writes loses the last n batches.
  void check_sync() {
    std::map<std::pair<std::int64_t, std::int64_t>, std::uint64_t> missing = sync_writes_;
    const auto rows = database_.rows("SELECT peer, item, writes FROM sync_state");
    while (rows->next()) {
      auto writes = static_cast<std::uint64_t>(rows->integer(2));
      std::string row = fmt::format("item {} of peer {}", rows->integer(1), rows->integer(0));
      auto expected = missing.find({rows->integer(0), rows->integer(1)});
      if (expected == missing.end()) {
        fault("sync: {} was never acknowledged", row);
      } else if (check_count(kSync, row, expected->second, writes)) {
        missing.erase(expected);
      } else {
        expected->second -= writes;
      }
    }
    lose_batches(missing);
  }

  void lose_batches(const std::map<std::pair<std::int64_t, std::int64_t>, std::uint64_t>& missing) {
    std::map<std::int64_t, std::uint64_t> worst;  // by the first row of the batches that write it
    for (const auto& [row, count] : missing) {
      std::int64_t first =
          (row.first * kSyncBatchesPerPeer * kSyncRowsPerBatch + row.second) / kSyncRowsPerBatch;
      worst[first] = std::max(worst[first], count);
    }
    for (const auto& [first, count] : worst) {
      lose(kSync, count, fmt::format("a batch of rows from {}", first * kSyncRowsPerBatch));
    }
  }

  void check_peers() {
    const auto rows = database_.rows(
        "SELECT id, connects, identifies, coalesce(identified, 0), coalesce(agent, '') FROM peers");
    while (rows->next()) {
      auto peer = static_cast<std::uint32_t>(rows->integer(0));
      std::string row = fmt::format("peer {}", peer);
      lose_missing(kConnect, row, take(connects_, peer),
                   static_cast<std::uint64_t>(rows->integer(1)));
      auto identifies = static_cast<std::uint64_t>(rows->integer(2));
      lose_missing(kIdentify, row, take(identifies_, peer), identifies);
      if (identifies != 0) check_newest(peer, rows->integer(3), rows->text(4));
    }
    for (const auto& [peer, count] : connects_) {
      lose(kConnect, count, fmt::format("peer {}", peer));
    }
    for (const auto& [peer, count] : identifies_) {
      lose(kIdentify, count, fmt::format("peer {}", peer));
    }
  }

  void check_newest(std::uint32_t peer, std::int64_t number, std::string_view agent) {
    const std::vector<std::uint64_t>& numbers = newest_[peer].numbers;
    auto value = static_cast<std::uint64_t>(number);
    if (std::find(numbers.begin(), numbers.end(), value) == numbers.end()) {
      fault("identify: peer {} has number {}, which is not the one committed last", peer, number);
    }
    if (agent != agent_text(peer, number)) {
      fault("identify: peer {} has a wrong agent '{}'", peer, agent);
    }
  }

  void check_domains() {
    const auto rows = database_.rows("SELECT id, updates FROM domains");
    while (rows->next()) {
      auto domain = static_cast<std::uint32_t>(rows->integer(0));
      lose_missing(kDomains, fmt::format("domain {}", domain), take(domains_, domain),
                   static_cast<std::uint64_t>(rows->integer(1)));
    }
    for (const auto& [domain, count] : domains_) {
      lose(kDomains, count, fmt::format("domain {}", domain));
    }
  }

  // The expected count of a row that was found; what is left in the map was not.
  static std::uint64_t take(std::map<std::uint32_t, std::uint64_t>& counts, std::uint32_t key) {
    auto expected = counts.find(key);
    if (expected == counts.end()) return 0;
    std::uint64_t count = expected->second;
    counts.erase(expected);
    return count;
  }

  void check_integrity() {
    const std::string damage = database_.damage();
    if (!damage.empty()) fault("{}", damage);
  }

  Reader& database_;
  const Input& input_;
  const Ledger& ledger_;
  const std::optional<JournalStats>& journal_;
  Verdict verdict_;

  std::map<Hash, std::size_t> first_of_hash_;
  std::unordered_map<std::string_view, std::size_t> file_of_path_;

  // What is expected, by key.
  std::unordered_map<std::uint64_t, std::uint8_t> parts_;  // what was found of each block
  std::map<std::pair<std::int64_t, std::int64_t>, std::uint64_t> sync_writes_;
  std::set<std::uint64_t> batches_;
  std::map<std::uint32_t, std::uint64_t> connects_;
  std::map<std::uint32_t, std::uint64_t> identifies_;
  std::map<std::uint32_t, std::uint64_t> domains_;
  std::unordered_map<std::uint32_t, Newest> newest_;
};

}  // namespace

Verdict verify(Reader& database, const Input& input, const Ledger& ledger,
               const std::optional<JournalStats>& journal) {
  return Verifier(database, input, ledger, journal).run();
}

}  // namespace onelane::bench::storm
