#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "bench/kit/errors.h"
#include "bench/kit/fail_if.h"

namespace onelane::bench {
namespace {

using nlohmann::json;

const json kResult = json::parse(R"json({
  "schema": 1,
  "settings": {"seconds": 20},
  "strategies": [
    {"name": "direct", "heavy_rows_per_s": 100, "verified": true, "zero": 0,
     "classes": [{"name": "connect", "busy": 4, "total_ms": {"p99": 8300}}]},
    {"name": "onelane", "heavy_rows_per_s": 150, "verified": false, "zero": 0,
     "classes": [{"name": "connect", "busy": 0, "total_ms": {"p99": 42.5}}]}
  ]})json");

bool met(std::string_view text) { return FailIf(text).met(kResult); }

std::string complaint(std::string_view text) {
  try {
    FailIf(text).check_paths(kResult);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(FailIf, APathGoesDownByMemberAndByTheNameOfAnElement) {
  EXPECT_TRUE(met("onelane.connect.total_ms.p99 == 42.5"));
  EXPECT_TRUE(met("direct.connect.busy == 4"));
  EXPECT_TRUE(met("settings.seconds == 20"));
  EXPECT_TRUE(met("direct.verified == 1"));
  EXPECT_TRUE(met("onelane.verified == 0"));
}

TEST(FailIf, EachComparisonHoldsWhereItShould) {
  EXPECT_TRUE(met("1<2") && !met("2<2") && !met("3<2"));
  EXPECT_TRUE(met("1<=2") && met("2<=2") && !met("3<=2"));
  EXPECT_TRUE(!met("1>2") && !met("2>2") && met("3>2"));
  EXPECT_TRUE(!met("1>=2") && met("2>=2") && met("3>=2"));
  EXPECT_TRUE(!met("1==2") && met("2==2"));
  EXPECT_TRUE(met("1!=2") && !met("2!=2"));
}

TEST(FailIf, ArithmeticBindsAsUsual) {
  EXPECT_TRUE(met("1+2*3 == 7"));
  EXPECT_TRUE(met("(1+2)*3 == 9"));
  EXPECT_TRUE(met("8-2-1 == 5"));
  EXPECT_TRUE(met("8/2/2 == 2"));
  EXPECT_TRUE(met("onelane.heavy_rows_per_s/direct.heavy_rows_per_s == 1.5"));
  EXPECT_TRUE(met("1e3 == 1000"));
}

TEST(FailIf, AllComparisonsThatAreJoinedByAndMustHold) {
  EXPECT_TRUE(met("1<2 and 2<3"));
  EXPECT_FALSE(met("1<2 and 3<2"));
  EXPECT_FALSE(met("2<1 and 2<3 and 3<4"));
  EXPECT_TRUE(met("onelane.heavy_rows_per_s > 100 and settings.seconds == 20"));
  EXPECT_NE(complaint("1<2 and").find("expected a number or a path"), std::string::npos);
  EXPECT_NE(complaint("1<2 and 3").find("expected one of < <= > >= == !="), std::string::npos);
}

TEST(FailIf, AComparisonWithoutAValueHoldsSoThatItIsNoticed) {
  EXPECT_TRUE(met("onelane.zero/direct.zero<1.3"));
  EXPECT_TRUE(met("onelane.zero/direct.zero>1.3"));
}

TEST(FailIf, FiguresNameEachPathWithItsValue) {
  EXPECT_EQ(FailIf("onelane.heavy_rows_per_s/direct.heavy_rows_per_s<1.3").figures(kResult),
            "onelane.heavy_rows_per_s/direct.heavy_rows_per_s<1.3, with "
            "onelane.heavy_rows_per_s = 150, direct.heavy_rows_per_s = 100");
}

TEST(FailIf, AnUnknownNameIsRefusedWithThoseThatThereAre) {
  EXPECT_EQ(complaint("onelane.conect.busy>0"),
            "'onelane.conect.busy' has no 'conect'; there is connect, heavy_rows_per_s, name, "
            "verified, zero");
  EXPECT_EQ(complaint("onlane.connect.busy>0"),
            "'onlane.connect.busy' has no 'onlane'; there is schema, settings, direct, onelane");
  EXPECT_NE(complaint("onelane.connect.total_ms>0").find("is no number; below it is p99"),
            std::string::npos);
  EXPECT_NE(complaint("onelane.name>0").find("is no number"), std::string::npos);
}

TEST(FailIf, WhatMakesNoSenseIsRefusedWithThePlace) {
  EXPECT_NE(complaint("1 + 2").find("expected one of < <= > >= == !="), std::string::npos);
  EXPECT_NE(complaint("(1 < 2").find("expected ')' at character 4"), std::string::npos);
  EXPECT_NE(complaint("1 < 2 3").find("expected the end of the condition at character 7"),
            std::string::npos);
  EXPECT_NE(complaint("").find("at character 1"), std::string::npos);
  EXPECT_NE(complaint("a..b < 1").find("at character 3"), std::string::npos);
  EXPECT_NE(complaint("1 < ").find("expected a number or a path"), std::string::npos);
}

}  // namespace
}  // namespace onelane::bench
