#include <gtest/gtest.h>

#include <set>

#include "bench/contestants/load.h"
#include "bench/contestants/store.h"
#include "bench/kit/errors.h"
#include "tests/support/temp_directory.h"

namespace onelane::bench {
namespace {

TEST(Rows, AKeyTellsItsNumberAndNothingElseDoes) {
  for (KeyOrder order : {KeyOrder::ascending, KeyOrder::random}) {
    Rows rows(1, 100, order);
    Rows::Key key = rows.key(77);
    EXPECT_EQ(rows.number_of(key), 77);
    EXPECT_EQ(rows.number_of(Bytes(key).first(15)), std::nullopt);
    key[3] ^= std::byte{1};
    EXPECT_EQ(rows.number_of(key), std::nullopt);
  }
}

TEST(Rows, KeysAscendOrAreSpread) {
  Rows ascending(1, 100, KeyOrder::ascending);
  Rows random(1, 100, KeyOrder::random);
  int descents = 0;
  for (std::uint64_t number = 0; number < 1000; ++number) {
    EXPECT_LT(ascending.key(number), ascending.key(number + 1));
    descents += random.key(number + 1) < random.key(number) ? 1 : 0;
  }
  EXPECT_GT(descents, 400);
  EXPECT_LT(descents, 600);
}

TEST(Rows, AnotherSeedGivesOtherRows) {
  Rows one(1, 100, KeyOrder::random);
  Rows other(2, 100, KeyOrder::random);
  EXPECT_NE(one.key(5), other.key(5));
  EXPECT_FALSE(std::ranges::equal(one.value(5), other.value(5)));
  EXPECT_FALSE(std::ranges::equal(one.value(5), one.value(6)));
}

// A store that holds what a test puts there.
class Shelf : public Store {
 public:
  explicit Shelf(const Rows& rows) : rows_(rows) {}
  void put(std::uint64_t key, std::uint64_t version) { held_.push_back({key, version}); }

  std::unique_ptr<Writer> writer() override { return nullptr; }
  void drain() override {}
  std::uint64_t commits() const override { return 0; }
  void close_and_read(const Visit& visit) override {
    for (auto [key, version] : held_) visit(rows_.key(key), rows_.value(version));
  }

 private:
  const Rows& rows_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> held_;
};

class Verification : public ::testing::Test {
 protected:
  Verification() {
    shelf_.put(0, 0);
    shelf_.put(2, 5);
  }
  // Key 0 was written first and key 2 in write 5; key 1 never.
  std::string complaint() {
    try {
      verify_contents(shelf_, rows_, {0, kNoRow, 5, kNoRow});
    } catch (const RunError& error) {
      return error.what();
    }
    return "";
  }

  Rows rows_{1, 100, KeyOrder::random};
  Shelf shelf_{rows_};
};

TEST_F(Verification, AcceptsExactlyWhatWasAcknowledged) { EXPECT_EQ(complaint(), ""); }

TEST_F(Verification, SeesARowThatNobodyWasToldOf) {
  shelf_.put(1, 1);
  EXPECT_EQ(complaint(), "the database holds a row that was not acknowledged, or twice");
}

TEST_F(Verification, SeesARowBeyondAllKeys) {
  shelf_.put(4, 4);
  EXPECT_EQ(complaint(), "the database holds a row that was not acknowledged, or twice");
}

TEST_F(Verification, SeesARowTwice) {
  shelf_.put(2, 5);
  EXPECT_EQ(complaint(), "the database holds a row that was not acknowledged, or twice");
}

TEST(VerificationOfLoss, CountsWhatIsNotThere) {
  Rows rows(1, 100, KeyOrder::random);
  Shelf shelf(rows);
  shelf.put(1, 1);
  try {
    verify_contents(shelf, rows, {0, 1, 2});
    ADD_FAILURE() << "a store without two of its rows was accepted";
  } catch (const RunError& error) {
    EXPECT_STREQ(error.what(), "2 acknowledged rows are not in the database");
  }
}

TEST(VerificationOfValues, SeesTheValueOfAnOlderWrite) {
  Rows rows(1, 100, KeyOrder::random);
  Shelf shelf(rows);
  shelf.put(0, 3);
  EXPECT_THROW(verify_contents(shelf, rows, {7}), RunError);
}

// Every contestant, on a database of its own; but those on PostgreSQL, see bench_postgres_test.cpp.
class EveryContestant : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Store> open(Acknowledgement acknowledgement) {
    return make_store(GetParam(), {.path = directory_ / "database",
                                   .acknowledgement = acknowledgement,
                                   .value_bytes = 100,
                                   .wal_limit_bytes = 1 << 20,
                                   .rows_per_commit = 7});
  }
  // The ceiling has a single writer.
  std::size_t threads() const { return GetParam() == "ceiling" ? 1 : 8; }

  test::TempDirectory directory_;
  Rows rows_{1, 100, KeyOrder::random};
  Contents contents_;
};

TEST_P(EveryContestant, HoldsTheRowsThatManyThreadsWaitedFor) {
  std::unique_ptr<Store> store = open(Acknowledgement::waited_for);
  Load load{.threads = threads(), .rows = 100};
  EXPECT_EQ(run_load(*store, rows_, load, contents_).rows, 100U);
  verify_contents(*store, rows_, contents_);
}

TEST_P(EveryContestant, HoldsTheRowsThatNobodyWaitedFor) {
  std::unique_ptr<Store> store = open(Acknowledgement::not_waited_for);
  Load load{.threads = threads(), .rows = 1000, .timed = false};
  EXPECT_EQ(run_load(*store, rows_, load, contents_).rows, 1000U);
  verify_contents(*store, rows_, contents_);
}

TEST_P(EveryContestant, HoldsTheNewestValueOfAKeyThatOneThreadWroteOftenInGroups) {
  std::unique_ptr<Store> store = open(Acknowledgement::not_waited_for);
  Load load{.rows = 200, .rows_per_write = 20, .keys = Keys::drawn};
  (void)run_load(*store, rows_, load, contents_);
  load.first = 200;
  (void)run_load(*store, rows_, load, contents_);
  verify_contents(*store, rows_, contents_);
}

std::vector<std::string> contestants_on_files() {
  std::vector<std::string> names = contestant_names();
  std::erase_if(names, on_postgres);
  return names;
}

INSTANTIATE_TEST_SUITE_P(OfAll, EveryContestant, ::testing::ValuesIn(contestants_on_files()),
                         [](const auto& tested) { return tested.param; });

// A caller that came while another led may be the last of its group before it has looked.
TEST(Contestants, OneLeadsAtATimeHoweverManyCome) {
  const test::TempDirectory directory;
  const auto store = make_store(
      "leader", {.path = directory / "database", .value_bytes = 100, .wal_limit_bytes = 1 << 20});
  const Rows rows(1, 100, KeyOrder::random);
  Contents contents;
  constexpr std::uint64_t kRows = 40'000;
  EXPECT_EQ(run_load(*store, rows, {.threads = 16, .rows = kRows}, contents).rows, kRows);
  EXPECT_LT(store->commits(), kRows);
  verify_contents(*store, rows, contents);
}

TEST(Contestants, AnUnknownOneIsRefusedByName) {
  EXPECT_THROW((void)make_store("nobody", {}), UsageError);
}

}  // namespace
}  // namespace onelane::bench
