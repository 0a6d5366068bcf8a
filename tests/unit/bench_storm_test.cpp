#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/kit/csv.h"
#include "bench/kit/database.h"
#include "bench/kit/errors.h"
#include "bench/storm/report.h"
#include "bench/storm/verify.h"
#include "bench/storm/workload.h"
#include "tests/support/temp_directory.h"

namespace onelane::bench::storm {
namespace {

constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 40;
constexpr int kSmallFiles = 30;  // too few by themselves

void write_file(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

// kSmallFiles of 4 KiB, a copy of one of them, one of two blocks and a bit, and an empty one.
void write_input(const std::filesystem::path& directory) {
  for (int i = 0; i < kSmallFiles; ++i) {
    write_file(directory / "small" / std::to_string(100 + i),
               std::string(4096, static_cast<char>('0' + i)));
  }
  write_file(directory / "a-copy", std::string(4096, '0'));
  write_file(directory / "large", std::string(2 * kBlockBytes, 'x') + "tail");
  write_file(directory / "empty", "");
}

class StormInput : public ::testing::Test {
 protected:
  StormInput() { write_input(files_.path()); }
  std::string complaint(const std::filesystem::path& directory) {
    try {
      load_input(directory, kNoLimit);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  }

  test::TempDirectory files_;
};

TEST_F(StormInput, FilesAreCutInTheOrderOfTheirPathsIntoBlocksOfAtMost256KiB) {
  Input input = load_input(files_.path(), kNoLimit);
  ASSERT_EQ(input.files.size(), kSmallFiles + 2U);
  EXPECT_EQ(input.files[0].path, "a-copy");
  EXPECT_EQ(input.files[1].path, "large");
  EXPECT_EQ(input.files[2].path, "small/100");
  ASSERT_EQ(input.files[1].blocks, 3U);
  const Block& tail = input.blocks[input.files[1].first_block + 2];
  EXPECT_EQ(tail.offset, 2 * kBlockBytes);
  EXPECT_EQ(tail.size, 4U);
  EXPECT_EQ(tail.seq, 2U);
  EXPECT_FALSE(input.cut_at_limit);
}

TEST_F(StormInput, OfEqualBlocksOnlyTheFirstIsOneToStore) {
  Input input = load_input(files_.path(), kNoLimit);
  const Block* copy = &input.blocks[input.files[0].first_block];
  const Block* original = &input.blocks[input.files[2].first_block];
  EXPECT_EQ(copy->hash, original->hash);
  EXPECT_TRUE(copy->first);
  EXPECT_FALSE(original->first);
  const Block* large = &input.blocks[input.files[1].first_block];
  EXPECT_TRUE(large[0].first && !large[1].first && large[2].first);
}

TEST_F(StormInput, LinksAreNotFollowed) {
  std::filesystem::create_symlink(files_ / "large", files_ / "z-link");
  EXPECT_EQ(load_input(files_.path(), kNoLimit).files.size(), kSmallFiles + 2U);
}

TEST_F(StormInput, ReadingStopsAtTheLimitAndSaysSo) {
  std::uint64_t limit = 2 * kBlockBytes + 120 * kKiB;
  Input input = load_input(files_.path(), limit);
  EXPECT_TRUE(input.cut_at_limit);
  EXPECT_LE(input.bytes, limit);
  EXPECT_GT(input.bytes, 2 * kBlockBytes);
}

TEST_F(StormInput, TooLittleIsAnErrorThatSaysWhatIsNeeded) {
  EXPECT_NE(complaint(files_ / "small").find("needed are at least 128KiB in 32 blocks"),
            std::string::npos)
      << complaint(files_ / "small");
  EXPECT_NE(complaint(files_ / "nowhere").find("cannot read the directory"), std::string::npos);
}

TEST_F(StormInput, TheNextPassIsANewGeneration) {
  Input input = load_input(files_.path(), kNoLimit);
  std::uint64_t pass = input.blocks.size();
  BlobRows first = blob_rows(input, 1);
  BlobRows again = blob_rows(input, 1 + 2 * pass);
  EXPECT_EQ(first.entry.generation, 0);
  EXPECT_EQ(again.entry.generation, 2);
  EXPECT_EQ(again.block->generation, 2);
  EXPECT_EQ(again.link.generation, 2);
  EXPECT_EQ(first.entry.path, again.entry.path);
}

TEST(StormArrivals, TheSameSeedGivesTheSameArrivalsAndAnotherDoesNot) {
  Arrivals a(400, 7);
  Arrivals b(400, 7);
  Arrivals c(400, 8);
  int different = 0;
  for (int i = 0; i < 1000; ++i) {
    Arrival one = a.next();
    Arrival same = b.next();
    EXPECT_EQ(std::tuple(one.source, one.key, one.number, one.offset),
              std::tuple(same.source, same.key, same.number, same.offset));
    different += one.offset != c.next().offset ? 1 : 0;
  }
  EXPECT_GT(different, 900);
}

TEST(StormArrivals, ComeInOrderAtTheRateThatWasAsked) {
  constexpr int kSeconds = 50;
  Arrivals arrivals(400, 1);
  std::array<std::uint64_t, kSources> counts{};
  Nanoseconds last{0};
  for (Arrival next = arrivals.next(); next.offset < std::chrono::seconds(kSeconds);
       next = arrivals.next()) {
    EXPECT_GE(next.offset, last);
    last = next.offset;
    EXPECT_EQ(next.number, ++counts[index(next.source)]);
  }
  EXPECT_NEAR(static_cast<double>(counts[index(kConnect)]), 400 * kSeconds, 600);
  EXPECT_NEAR(static_cast<double>(counts[index(kIdentify)]), 400 * kSeconds, 600);
  EXPECT_NEAR(static_cast<double>(counts[index(kDomains)]), 100 * kSeconds, 300);
}

// A database with some acknowledged writes of every source, and the ledger that goes with it.
class StormVerifier : public StormInput {
 protected:
  StormVerifier() : input_(load_input(files_.path(), kNoLimit)) {
    Connection database(path(), Access::read_write);
    database.execute("PRAGMA synchronous = OFF; BEGIN");
    database.execute(std::string(kSchema));
    for (std::uint64_t number = 0; number < input_.blocks.size() + 5; ++number) {
      write_block(database, number);
    }
    for (std::uint64_t batch : {0U, 1U, 70U, 1024U}) write_batch(database, batch);
    for (std::uint64_t number = 1; number <= 9; ++number) {
      auto key = static_cast<std::uint32_t>(number % 3);
      write_small(database, connect_row({kConnect, key, number, {}}), kConnect, number);
      write_small(database, identify_row({kIdentify, key, number, {}}), kIdentify, number);
      write_small(database, domain_row({kDomains, key, number, {}}), kDomains, number);
    }
    database.execute("COMMIT");
  }

  template <Record T>
  static void write(Connection& database, const T& record) {
    Query query = database.prepare(RecordTraits<T>::sql);
    query.bind_record(record);
    ASSERT_EQ(query.run(), SQLITE_DONE) << database.error();
  }

  void acknowledge(const Mark& mark) { ledger_.acknowledge(mark, 1, Nanoseconds(1)); }

  void write_block(Connection& database, std::uint64_t number) {
    BlobRows rows = blob_rows(input_, number);
    if (rows.block) write(database, *rows.block);
    write(database, rows.entry);
    write(database, rows.link);
    acknowledge({kBlobs, 0, number, 0});
  }

  void write_batch(Connection& database, std::uint64_t batch) {
    for (std::uint32_t row = 0; row < kSyncRowsPerBatch; ++row)
      write(database, sync_row(batch, row));
    acknowledge({kSync, 0, batch, 0});
  }

  template <Record T>
  void write_small(Connection& database, const T& record, Source source, std::uint64_t number) {
    write(database, record);
    acknowledge({source, static_cast<std::uint32_t>(number % 3), number, number});
  }

  std::filesystem::path path() const { return database_ / "storm.db"; }

  // What the verifier says once the SQL was run on the database.
  Verdict after(const std::string& sql) {
    Connection(path(), Access::read_write).execute("PRAGMA synchronous = OFF;" + sql);
    return verify(*make_file_reader(path()), input_, ledger_, journal_);
  }
  Verdict now() { return verify(*make_file_reader(path()), input_, ledger_, journal_); }

  static std::uint64_t lost(const Verdict& verdict, Source source) {
    EXPECT_FALSE(verdict.verified());
    std::uint64_t all = std::accumulate(verdict.lost.begin(), verdict.lost.end(), std::uint64_t{0});
    EXPECT_EQ(all, verdict.lost[index(source)]) << "other sources lost something, too";
    return verdict.lost[index(source)];
  }
  static void expect_fault(const Verdict& verdict, const std::string& part) {
    EXPECT_FALSE(verdict.verified());
    EXPECT_GE(verdict.faults, 1U);
    std::string all;
    for (const std::string& example : verdict.examples) all += example + "\n";
    EXPECT_NE(all.find(part), std::string::npos) << all;
  }

  test::TempDirectory database_;
  Input input_;
  Ledger ledger_;
  std::optional<JournalStats> journal_;
};

TEST_F(StormVerifier, FindsNothingWrongWithWhatWasAcknowledged) {
  Verdict verdict = now();
  EXPECT_TRUE(verdict.verified());
  EXPECT_TRUE(verdict.examples.empty()) << verdict.examples.front();
}

TEST_F(StormVerifier, MissesEachPartOfABlock) {
  EXPECT_EQ(lost(after("DELETE FROM blocks WHERE rowid = 1"), kBlobs), 1U);
  EXPECT_EQ(lost(after("DELETE FROM entries WHERE path = 'large' AND generation = 0"), kBlobs), 4U);
  EXPECT_EQ(lost(after("DELETE FROM links WHERE path = 'small/105'"), kBlobs), 5U);
}

TEST_F(StormVerifier, MissesAWholeBlockThatWasAcknowledged) {
  acknowledge({kBlobs, 0, 2 * input_.blocks.size(), 0});
  EXPECT_EQ(lost(now(), kBlobs), 1U);
}

TEST_F(StormVerifier, SeesContentThatIsNotTheFiles) {
  expect_fault(after("UPDATE blocks SET data = zeroblob(size) WHERE rowid = 3"),
               "is not the file's content");
}

TEST_F(StormVerifier, SeesAContentThatIsCutShort) {
  expect_fault(after("UPDATE blocks SET data = substr(data, 1, size - 1) WHERE rowid = 3"),
               "is not the file's content");
}

TEST_F(StormVerifier, SeesAnEntryWithAWrongPlaceAndALinkWithAWrongHash) {
  expect_fault(after("UPDATE entries SET offset = offset + 1 WHERE path = 'a-copy'"),
               "a-copy block 0 has a wrong place");
  expect_fault(after("UPDATE links SET hash = zeroblob(16) WHERE path = 'a-copy'"),
               "a-copy block 0 has a wrong hash");
}

TEST_F(StormVerifier, SeesABlockThatWasNotAcknowledged) {
  Connection database(path(), Access::read_write);
  write(database, blob_rows(input_, 3 * input_.blocks.size()).entry);
  expect_fault(now(), "which was not acknowledged");
}

TEST_F(StormVerifier, SeesRowsThatAreNotTheInputs) {
  expect_fault(after("UPDATE entries SET path = 'elsewhere' WHERE path = 'a-copy'"),
               "elsewhere block 0 is not the input's");
  expect_fault(after("UPDATE blocks SET hash = zeroblob(16) WHERE rowid = 2"),
               "has a hash that is not the input's");
}

TEST_F(StormVerifier, CountsEachUpsertThatLeftNoMark) {
  EXPECT_EQ(lost(after("UPDATE peers SET connects = connects - 1 WHERE id = 1"), kConnect), 1U);
  EXPECT_EQ(lost(after("UPDATE peers SET connects = connects + 1 WHERE id = 1;"
                       "UPDATE domains SET updates = updates - 2 WHERE id = 2"),
                 kDomains),
            2U);
  EXPECT_EQ(lost(after("UPDATE domains SET updates = updates + 2 WHERE id = 2;"
                       "UPDATE peers SET identifies = identifies - 1 WHERE id = 0"),
                 kIdentify),
            1U);
}

TEST_F(StormVerifier, CountsAllThatWasWrittenToARowThatIsGone) {
  EXPECT_EQ(lost(after("DELETE FROM domains WHERE id = 1"), kDomains), 3U);
}

TEST_F(StormVerifier, SeesAnUpsertThatWasAppliedTwiceOrNeverAcknowledged) {
  expect_fault(after("UPDATE peers SET connects = connects + 1 WHERE id = 1"),
               "peer 1 counts 4 writes, 3 were acknowledged");
  expect_fault(after("INSERT INTO domains VALUES(400, '', 1)"),
               "domain 400 counts 1 writes, 0 were acknowledged");
}

TEST_F(StormVerifier, SeesAPeerWhoseIdentityIsNotTheOneCommittedLast) {
  expect_fault(after("UPDATE peers SET identified = 4 WHERE id = 1"),
               "peer 1 has number 4, which is not the one committed last");
  expect_fault(after("UPDATE peers SET identified = 7, agent = 'x' WHERE id = 1"),
               "peer 1 has a wrong agent 'x'");
}

TEST_F(StormVerifier, CountsABatchOnceForAllItsRows) {
  EXPECT_EQ(
      lost(after("DELETE FROM sync_state WHERE peer = 1 AND item BETWEEN 384 AND 447"), kSync), 1U);
}

TEST_F(StormVerifier, CountsTheBatchesThatARowMisses) {
  EXPECT_EQ(lost(after("DELETE FROM sync_state WHERE peer = 0 AND item = 3"), kSync), 2U);
}

TEST_F(StormVerifier, SeesASyncRowTooManyOrWrittenTooOften) {
  expect_fault(after("INSERT INTO sync_state VALUES(15, 1, 0, 1)"),
               "item 1 of peer 15 was never acknowledged");
  expect_fault(after("UPDATE sync_state SET writes = writes + 1 WHERE peer = 0 AND item = 3"),
               "item 3 of peer 0 counts 3 writes, 2 were acknowledged");
}

TEST_F(StormVerifier, SeesAWriteThatWasAcknowledgedTwice) {
  acknowledge({kBlobs, 0, 1, 0});
  acknowledge({kSync, 0, 70, 0});
  Verdict verdict = now();
  expect_fault(verdict, "block 1 was acknowledged twice");
  expect_fault(verdict, "batch 70 was acknowledged twice");
}

TEST_F(StormVerifier, SeesAnOfferThatNeverEnded) {
  ++ledger_.of(kIdentify).offered;
  expect_fault(now(), "identify: 10 were offered, and 9 ended");
}

TEST_F(StormVerifier, HoldsTheJournalsStatisticsAgainstWhatCallersWereTold) {
  journal_.emplace().classes.resize(kSources);
  for (Source source : kAllSources) {
    ClassStats& stats = journal_->classes[index(source)];
    stats.offered = stats.accepted = ledger_.of(source).offered;
    stats.ends[static_cast<std::size_t>(End::committed)] = stats.accepted;
  }
  EXPECT_TRUE(now().verified());

  ClassStats& identify = journal_->classes[index(kIdentify)];
  ++identify.offered;
  expect_fault(now(), "identify: 9 offered by what callers were told, 10 by the journal's");
  --identify.offered;
  --identify.ends[static_cast<std::size_t>(End::committed)];
  ++identify.ends[static_cast<std::size_t>(End::superseded)];
  expect_fault(now(), "identify: 0 superseded by what callers were told, 1 by the journal's");
  identify.name = "identify";
  ++identify.in_flight;
  expect_fault(now(), "identify: the journal accepted 9, of which 9 ended and 1 are in flight");
}

TEST_F(StormVerifier, SeesADamagedFile) {
  expect_fault(after("PRAGMA writable_schema = ON;"
                     "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema "
                     "WHERE name = 'domains') WHERE name = 'peers'"),
               "integrity_check");
}

TEST(StormReport, TheJsonHasWhatItsReadersRelyOn) {
  StormOptions options;
  options.strategies = {StrategyKind::direct, StrategyKind::onelane};
  nlohmann::json json = empty_json(options);
  EXPECT_EQ(json["schema"], 1);
  for (const char* key : {"p50", "p99", "max"}) {
    EXPECT_TRUE(json["environment"]["sync_ms"].contains(key)) << key;
  }
  ASSERT_EQ(json["strategies"].size(), 2U);
  for (const auto& strategy : json["strategies"]) {
    for (const char* key : {"name", "classes", "hold_ms", "occupancy", "heavy_rows_per_s",
                            "wal_bytes_max", "verified"}) {
      EXPECT_TRUE(strategy.contains(key)) << key;
    }
    ASSERT_EQ(strategy["classes"].size(), kSources);
    for (const auto& one : strategy["classes"]) {
      for (const char* key : {"name", "offered", "acknowledged", "busy", "failed", "lost"}) {
        EXPECT_TRUE(one.contains(key)) << key;
      }
      EXPECT_TRUE(one["total_ms"].contains("p50") && one["total_ms"].contains("p99") &&
                  one["total_ms"].contains("max"));
    }
  }
}

// Two connects, one of them busy for 10 s, a sync's batch and one transaction of 1 s.
StrategyResult small_result() {
  StrategyResult result = result_of(StrategyKind::direct);
  result.ledger.acknowledge({kConnect, 1, 1, 1}, 1, std::chrono::milliseconds(50));
  result.ledger.refuse(kConnect, Refusal::busy, std::chrono::seconds(10));
  result.ledger.acknowledge({kSync, 0, 0, 0}, 128, std::chrono::milliseconds(2));
  result.heavy_elapsed = std::chrono::seconds(2);
  result.elapsed = std::chrono::seconds(4);
  result.ledger.held(std::chrono::seconds(1));
  return result;
}

TEST(StormReport, FiguresAreInMillisecondsOfTheRightSource) {
  nlohmann::json json = to_json(StormOptions(), {}, {}, {small_result()})["strategies"][0];
  nlohmann::json connect = json["classes"][index(kConnect)];
  EXPECT_EQ(connect["name"], "connect");
  EXPECT_EQ(connect["offered"], 2);
  EXPECT_EQ(connect["acknowledged"], 1);
  EXPECT_EQ(connect["busy"], 1);
  EXPECT_EQ(connect["total_ms"]["max"], 10'000);
  EXPECT_EQ(json["hold_ms"]["max"], 1000);
  EXPECT_EQ(json["occupancy"], 0.25);
  EXPECT_EQ(json["heavy_rows_per_s"], 64);
}

TEST(StormReport, TheCsvHasALineForEachFigureOfTheMachineAStrategyAndAClass) {
  Environment environment;
  environment.sync.record(std::chrono::milliseconds(3));
  const std::string csv = to_csv(to_json(StormOptions(), {}, environment, {small_result()}));
  for (const char* line :
       {"question,case,contestant,figure,run,value\n", "storm,environment,,sync_ms.p99,1,3\n",
        "storm,all,direct,hold_ms.max,1,1000\n", "storm,connect,direct,busy,1,1\n",
        "storm,connect,direct,total_ms.max,1,10000\n"}) {
    EXPECT_NE(csv.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace onelane::bench::storm
