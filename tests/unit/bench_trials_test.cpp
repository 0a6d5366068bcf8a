#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/kit/csv.h"
#include "bench/kit/errors.h"
#include "bench/kit/samples.h"
#include "bench/kit/trials.h"

namespace onelane::bench {
namespace {

using nlohmann::json;

// Contestants that write their turn down and have their figures told beforehand.
class Trials : public ::testing::Test {
 protected:
  Contestant contestant(const std::string& name, std::vector<double> figures) {
    return {name, [this, name, figures, run = std::size_t{0}]() mutable {
              turns_ += name;
              return Figures{{"per_s", figures.at(run++)}};
            }};
  }

  std::string turns_;
};

TEST_F(Trials, AnotherContestantGoesFirstInEachRepetition) {
  Case one{"only", {"per_s"}, {}};
  for (const char* name : {"a", "b", "c"}) one.contestants.push_back(contestant(name, {1, 1, 1}));
  (void)run_trials({one}, 3);
  EXPECT_EQ(turns_, "abcbcacab");
}

TEST_F(Trials, EachRepetitionRunsAllCases) {
  Case first{"first", {"per_s"}, {contestant("a", {1, 1})}};
  Case second{"second", {"per_s"}, {contestant("b", {1, 1})}};
  (void)run_trials({first, second}, 2);
  EXPECT_EQ(turns_, "abab");
}

TEST_F(Trials, ARatioIsTakenWithinARepetitionAndOnlyThenItsMedian) {
  Case one{"t1", {"per_s"}, {}};
  one.contestants = {contestant("mutex", {10, 20, 1}), contestant("onelane", {20, 30, 4})};
  CaseResult result = run_trials({one}, 3).front();
  json ratio = to_json(result, "onelane")["ratios"][0];
  EXPECT_EQ(ratio["name"], "onelane_to_mutex");
  EXPECT_EQ(ratio["per_s"]["runs"], json({2.0, 1.5, 4.0}));
  EXPECT_EQ(ratio["per_s"]["median"], 2.0);
  EXPECT_EQ(ratio["per_s"]["min"], 1.5);
  EXPECT_EQ(ratio["per_s"]["max"], 4.0);
}

TEST_F(Trials, WithoutItsSubjectACaseHasNoRatios) {
  Case one{"t1", {"per_s"}, {contestant("mutex", {1})}};
  EXPECT_TRUE(to_json(run_trials({one}, 1).front(), "onelane")["ratios"].empty());
}

TEST_F(Trials, AContestantThatOwesAFigureIsAnError) {
  Case one{"t1", {"per_s", "p99_us"}, {contestant("mutex", {1})}};
  EXPECT_THROW((void)run_trials({one}, 1), RunError);
}

TEST_F(Trials, WithoutRunsEveryFigureIsThereAndIsNone) {
  Case one{"t1", {"per_s"}, {contestant("mutex", {}), contestant("onelane", {})}};
  json result = to_json(run_trials({one}, 0).front(), "onelane");
  EXPECT_TRUE(std::isnan(result["contestants"][0]["per_s"]["median"].get<double>()));
  EXPECT_TRUE(std::isnan(result["ratios"][0]["per_s"]["median"].get<double>()));
}

TEST_F(Trials, CsvHasALineForEachRun) {
  Case one{"t1", {"per_s"}, {contestant("mutex", {1.5, 2})}};
  json result{{"question", "callers"},
              {"cases", {to_json(run_trials({one}, 2).front(), "onelane")}}};
  EXPECT_EQ(to_csv(result),
            "question,case,contestant,figure,run,value\n"
            "callers,t1,mutex,per_s,1,1.5\n"
            "callers,t1,mutex,per_s,2,2\n");
}

TEST(Series, TheMedianOfAnEvenNumberLiesBetweenTheMiddleTwo) {
  EXPECT_EQ((Series{{4, 1, 3, 2}}).median(), 2.5);
  EXPECT_EQ((Series{{5, 1, 3}}).median(), 3);
}

TEST(Samples, APercentileIsAValueThatWasRecorded) {
  Samples samples;
  for (int us = 100; us >= 1; --us) samples.record(std::chrono::microseconds(us));
  EXPECT_EQ(samples.percentile_us(0.50), 50);
  EXPECT_EQ(samples.percentile_us(0.99), 99);
  EXPECT_EQ(samples.percentile_us(1.0), 100);
  EXPECT_EQ(samples.percentile_us(0), 1);
  EXPECT_EQ(Samples().percentile_us(0.5), 0);
}

}  // namespace
}  // namespace onelane::bench
