// The questions about single costs at their smallest, and what they measure with.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "bench/growth.h"
#include "bench/kit/allocations.h"
#include "bench/kit/child.h"
#include "bench/kit/errors.h"
#include "bench/kit/keyed_row.h"
#include "bench/overhead/journey.h"
#include "bench/push.h"
#include "bench/push/probe.h"
#include "tests/support/temp_directory.h"

namespace onelane::bench {
namespace {

using nlohmann::json;

class SmallestFigure : public ::testing::Test {
 protected:
  using Main = int (*)(const std::vector<std::string>&);

  json ask(Main main) {
    EXPECT_EQ(main({"--size", "smoke", "--json", file_, "--directory", directory_.path().string()}),
              kExitOk);
    return json::parse(std::ifstream(file_));
  }
  double median(const json& result, const std::string& name, std::size_t contestant,
                const char* figure) {
    for (const json& one : result["cases"]) {
      if (one["name"] == name) return one["contestants"][contestant][figure]["median"];
    }
    ADD_FAILURE() << "no case " << name;
    return 0;
  }

  test::TempDirectory directory_;
  std::string file_ = directory_ / "result.json";
};

// Not under a sanitizer: ThreadSanitizer does not know the fences of the bare queue, which is
// measured as it is shipped.
TEST_F(SmallestFigure, PushIsAnsweredForEveryRowAndNumberOfProducers) {
  if (!counts_allocations()) GTEST_SKIP() << "a sanitizer is at work";
  const json result = ask(push_main);
  EXPECT_EQ(result["cases"].size(), 12U);
  EXPECT_GT(median(result, "p64_4096", 1, "p9999_ns"), 0);
  EXPECT_GE(median(result, "p1_100", 1, "p999_ns"), median(result, "p1_100", 1, "p99_ns"));
}

TEST_F(SmallestFigure, GrowthIsAnsweredForEachOfThreeAxes) {
  const json result = ask(growth_main);
  for (const char* name : {"database", "database_bare", "backlog", "classes"}) {
    EXPECT_GT(median(result, name, 0, "per_s"), 0) << name;
    EXPECT_GT(median(result, name, 1, "us_per_row"), 0) << name;
  }
}

TEST_F(SmallestFigure, EveryJourneyEndsWithAllOfItsRowsInTheDatabase) {
  constexpr std::uint64_t kRows = 2 * overhead::kRowsPerTransaction;
  const auto database = directory_ / "o.db";
  overhead::lay_out(database, kRows);
  std::uint64_t first = kRows;
  std::vector<std::optional<std::uint64_t>> calls;
  for (const char* name : {"bare", "pushed", "onelane"}) {
    calls.push_back(overhead::travel(overhead::journey_named(name),
                                     {.database = database, .first = first, .rows = kRows}));
    first += kRows;
  }
  if (calls[0]) {
    EXPECT_LT(*calls[2], *calls[0]) << "a commit is one write";
  }
  EXPECT_THROW(overhead::journey_named("nobody"), UsageError);
}

TEST(KeyedRow, KeysOfDifferentNumbersDiffer) {
  std::set<KeyText> keys;
  for (std::uint64_t i = 0; i < 10'000; ++i) keys.insert(key_text(i));
  EXPECT_EQ(keys.size(), 10'000U);
}

TEST(Allocations, AreCountedForTheirOwnThreadAlone) {
  if (!counts_allocations()) GTEST_SKIP() << "malloc is somebody else's here";
  const std::uint64_t before = allocations_of_this_thread();
  std::thread([] { std::free(std::malloc(64)); }).join();
  const std::uint64_t of_the_thread = allocations_of_this_thread() - before;
  void* volatile block = std::malloc(64);
  std::free(block);
  auto apart = std::make_unique<int>(1);
  EXPECT_EQ(*apart, 1);
  EXPECT_GE(allocations_of_this_thread() - before, of_the_thread + 2);
}

TEST(PushProbe, CountsPushesAndTheirAllocations) {
  if (!counts_allocations()) GTEST_SKIP() << "malloc is somebody else's here";
  push::Probe probe(64);
  void* volatile sink = nullptr;
  auto kept = [&sink] {
    sink = std::malloc(64);
    std::free(sink);
  };
  probe.run(64, kept);
  EXPECT_GE(probe.figures(0).at("p9999_ns"), probe.figures(0).at("p99_ns"));
  EXPECT_EQ(probe.figures(0).at("allocations"), 1.0);
}

TEST(Child, GivesWhatItWroteAndItsFailure) {
  EXPECT_EQ(run_child({"echo", "one", "two"}), "one two\n");
  EXPECT_THROW(run_child({"false"}), RunError);
  EXPECT_THROW(run_child({"/nowhere/to/be/found"}), RunError);
  EXPECT_TRUE(find_program("sh").has_value());
  EXPECT_FALSE(find_program("no-such-program-anywhere").has_value());
}

}  // namespace
}  // namespace onelane::bench
