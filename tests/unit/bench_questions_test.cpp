// The questions at their smallest, in this process: that they can be answered at all. Each run of a
// contestant throws unless its database holds exactly what was acknowledged.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/bulk.h"
#include "bench/callers.h"
#include "bench/fill.h"
#include "bench/kit/errors.h"
#include "bench/lone.h"
#include "tests/support/temp_directory.h"

namespace onelane::bench {
namespace {

using nlohmann::json;

class SmallestQuestion : public ::testing::Test {
 protected:
  using Main = int (*)(const std::vector<std::string>&);

  int ask(Main main, std::vector<std::string> flags = {}) {
    std::vector<std::string> all{"--size", "smoke",       "--json",
                                 file_,    "--directory", directory_.path().string()};
    all.insert(all.end(), flags.begin(), flags.end());
    return main(all);
  }

  // Every contestant of every case, "t8.onelane"; each of them must have done something.
  std::set<std::string> answered() {
    json result = json::parse(std::ifstream(file_));
    std::set<std::string> names;
    for (const json& one : result["cases"]) {
      for (const json& contestant : one["contestants"]) {
        EXPECT_GT(contestant["per_s"]["median"].get<double>(), 0) << contestant;
        names.insert(one["name"].get<std::string>() + "." + contestant["name"].get<std::string>());
      }
    }
    return names;
  }

  test::TempDirectory directory_;
  std::string file_ = directory_ / "result.json";
};

TEST_F(SmallestQuestion, LoneIsAnsweredForBothKindsOfSync) {
  ASSERT_EQ(ask(lone_main), kExitOk);
  EXPECT_EQ(answered(), (std::set<std::string>{"full.direct", "full.leader", "full.mutex",
                                               "full.onelane", "normal.direct", "normal.leader",
                                               "normal.mutex", "normal.onelane"}));
}

TEST_F(SmallestQuestion, CallersIsAnsweredByAllWhoWriteToSqlite) {
  std::string all = "direct,mutex,fixed_batch,leader,ceiling,onelane";
  ASSERT_EQ(ask(callers_main, {"--contestants", all}), kExitOk);
  std::set<std::string> names = answered();
  EXPECT_EQ(names.size(), 12U);
  EXPECT_TRUE(names.contains("t1.fixed_batch"));
  EXPECT_TRUE(names.contains("t8.ceiling"));
}

TEST_F(SmallestQuestion, CallersOfAnIntakeAreComparedWithTheOthersAndTheDisk) {
  const std::vector<std::string> flags{"--contestants", "onelane,journaled",
                                       "--subject",     "journaled",
                                       "--gather",      "5ms",
                                       "--fail-if",     "t8.journaled_to_onelane.per_s.median <= 0",
                                       "--fail-if",     "t1.journaled.overhead_bytes.median <= 0",
                                       "--fail-if",     "t1.journaled.padding_bytes.median <= 0",
                                       "--fail-if",     "t1.journaled.of_log.median <= 0",
                                       "--fail-if",     "t1.journaled.t_us.median <= 0",
                                       "--fail-if",     "t1.journaled.rows_per_group.median != 1"};
  ASSERT_EQ(ask(callers_main, flags), kExitOk);
  EXPECT_EQ(answered(),
            (std::set<std::string>{"t1.journaled", "t1.onelane", "t8.journaled", "t8.onelane"}));
}

TEST_F(SmallestQuestion, ALoneCallerOfAnIntakeIsComparedWithTheDisk) {
  ASSERT_EQ(ask(lone_main, {"--contestants", "mutex,journaled", "--subject", "journaled",
                            "--fail-if", "full.journaled.t_us.median <= 0"}),
            kExitOk);
  EXPECT_TRUE(answered().contains("full.journaled"));
}

TEST_F(SmallestQuestion, ASubjectThatDoesNotTakePartIsRefused) {
  EXPECT_THROW((void)ask(lone_main, {"--subject", "journaled"}), UsageError);
}

TEST_F(SmallestQuestion, BulkIsAnsweredForSmallRowsAndBlobs) {
  ASSERT_EQ(ask(bulk_main), kExitOk);
  EXPECT_TRUE(answered().contains("p4_small.onelane"));
  EXPECT_TRUE(answered().contains("p1_blob.ceiling"));
}

TEST_F(SmallestQuestion, FillIsAnsweredForEveryWorkload) {
  ASSERT_EQ(ask(fill_main, {"--contestants", "ceiling,onelane"}), kExitOk);
  EXPECT_EQ(answered(),
            (std::set<std::string>{"fill100K.ceiling", "fill100K.onelane", "fillbatch.ceiling",
                                   "fillbatch.onelane", "fillrandom.ceiling", "fillrandom.onelane",
                                   "fillseq.ceiling", "fillseq.onelane", "fillsync.ceiling",
                                   "fillsync.onelane", "overwrite.ceiling", "overwrite.onelane"}));
}

TEST_F(SmallestQuestion, AConditionThatHoldsEndsWithThree) {
  EXPECT_EQ(ask(lone_main, {"--fail-if", "normal.onelane.per_s.median > 0"}), kExitThreshold);
  EXPECT_EQ(ask(lone_main, {"--fail-if", "normal.onelane_to_mutex.p50_us.median <= 0"}), kExitOk);
}

TEST_F(SmallestQuestion, AnUnknownPathIsRefusedBeforeAnythingIsMeasured) {
  EXPECT_THROW((void)ask(lone_main, {"--fail-if", "nobody.onelane.per_s.median > 0"}), UsageError);
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(SmallestQuestion, AContestantThatIsNotBuiltInIsRefusedByName) {
  EXPECT_THROW((void)ask(callers_main, {"--contestants", "mutex,nobody"}), UsageError);
}

}  // namespace
}  // namespace onelane::bench
