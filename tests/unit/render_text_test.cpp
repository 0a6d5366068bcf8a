// Prometheus' text and JSON: well-formed, complete, escaped.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "onelane/render.h"
#include "tests/support/snapshots.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* kHostile = "<b>\"a\\'&\n{}\xff\xc3\xa9\x01";

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

// What promtool says of the text: "" if it has nothing against it.
std::string complaints(const std::string& text) {
  const std::string path = testing::TempDir() + "onelane_metrics_" + std::to_string(getpid());
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
  std::FILE* tool =
      popen(("promtool check metrics < " + path + " 2>&1; echo status $?").c_str(), "r");
  std::string said;
  for (int c = std::fgetc(tool); c != EOF; c = std::fgetc(tool)) said += static_cast<char>(c);
  pclose(tool);
  std::remove(path.c_str());
  return said == "status 0\n" ? "" : said;
}

TEST(Prometheus, IsAcceptedByPromtool) {
  if (std::system("promtool --version > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "promtool is not here: it is in Debian's package prometheus";
  }
  EXPECT_EQ(complaints(render::prometheus(busy_snapshot())), "");
  EXPECT_EQ(complaints(render::prometheus(JournalStats())), "");
  JournalStats hostile = hostile_snapshot(kHostile);
  hostile.classes[1].name = "another";  // a name of a class is unique
  EXPECT_EQ(complaints(render::prometheus(hostile)), "");
  EXPECT_NE(complaints("onelane_bad-name 1\n"), "");
}

TEST(Prometheus, BucketsAreCumulativeInSeconds) {
  JournalStats stats = busy_snapshot();
  Histogram& waits = stats.classes[1].wait_ns = Histogram();
  waits.record(Duration(90us));
  waits.record(Duration(2ms));
  waits.record(Duration(11s));
  const std::string text = render::prometheus(stats);
  const std::string of = "onelane_class_wait_seconds_bucket{class=\"connect\",le=";
  EXPECT_TRUE(has_line(text, of + "\"0.0001\"} 1"));
  EXPECT_TRUE(has_line(text, of + "\"0.001\"} 1"));
  EXPECT_TRUE(has_line(text, of + "\"0.0025\"} 2"));
  EXPECT_TRUE(has_line(text, of + "\"10\"} 2"));
  EXPECT_TRUE(has_line(text, of + "\"+Inf\"} 3"));
  EXPECT_TRUE(has_line(text, "onelane_class_wait_seconds_sum{class=\"connect\"} 11.00209"));
  EXPECT_TRUE(has_line(text, "onelane_class_wait_seconds_count{class=\"connect\"} 3"));
}

TEST(Prometheus, TheHighestBoundIsTenSecondsWhateverIsRecorded) {
  JournalStats stats;
  stats.hold_ns.record(~std::uint64_t{0});
  const std::string text = render::prometheus(stats);
  EXPECT_TRUE(has_line(text, "onelane_hold_seconds_bucket{le=\"10\"} 0"));
  EXPECT_TRUE(has_line(text, "onelane_hold_seconds_bucket{le=\"+Inf\"} 1"));
}

TEST(Prometheus, CallSitesHaveTheirQuantilesOfTheLastMinute) {
  JournalStats stats = busy_snapshot();
  stats.call_sites[1].minute.wait_ns = Histogram();
  stats.call_sites[1].minute.wait_ns.record(Duration(7s));
  const std::string of = "{class=\"connect\",site=\"peers.cc:42 on_connect\"";
  const std::string text = render::prometheus(stats);
  EXPECT_TRUE(has_line(text, "onelane_call_site_wait_seconds" + of + ",quantile=\"0.99\"} 7"));
  EXPECT_TRUE(has_line(text, "onelane_call_site_wait_seconds_count" + of + "} 2000"));
}

TEST(Prometheus, LabelsAreEscaped) {
  const std::string text = render::prometheus(hostile_snapshot(kHostile));
  EXPECT_NE(text.find("{class=\"<b>\\\"a\\\\'&\\n{}\uFFFD\u00e9\x01\"}"), std::string::npos);
}

TEST(Prometheus, ATraceThatEndedShowsByWhatIsNotInIt) {
  JournalStats stats = busy_snapshot();
  stats.trace = {.bytes = 65'536, .ticks = 12, .lost_ticks = 3, .ended = TraceEnd::size};
  const std::string text = render::prometheus(stats);
  EXPECT_TRUE(has_line(text, "onelane_trace_bytes 65536"));
  EXPECT_TRUE(has_line(text, "onelane_trace_ticks_total 12"));
  EXPECT_TRUE(has_line(text, "onelane_trace_lost_ticks_total 3"));
}

TEST(Prometheus, OfALaneAtAServerHasItsConnectionsAndAnswers) {
  JournalStats stats = busy_snapshot();
  EXPECT_EQ(render::prometheus(stats).find("onelane_server"), std::string::npos);
  stats.conflicts = 2;
  stats.server = {.name = "host=db", .connections = 3};
  stats.server.answer_ns.record(Duration(std::chrono::milliseconds(2)));
  const std::string text = render::prometheus(stats);
  EXPECT_TRUE(has_line(text, "onelane_conflicts_total 2"));
  EXPECT_TRUE(has_line(text, "onelane_server_connections_total 3"));
  EXPECT_TRUE(has_line(text, "onelane_server_answer_seconds_count 1"));
}

TEST(Prometheus, TheConditionThatHoldsIsOne) {
  const std::string text = render::prometheus(
      busy_snapshot(), {.health = {Condition::held_back, Status(Errc::storage, "slow")}});
  EXPECT_TRUE(has_line(text, "onelane_condition{condition=\"held_back\"} 1"));
  EXPECT_TRUE(has_line(text, "onelane_condition{condition=\"stalled\"} 0"));
  EXPECT_TRUE(has_line(text, "onelane_up 1"));
  EXPECT_TRUE(has_line(render::prometheus(busy_snapshot(), {.standing = render::Standing::closed}),
                       "onelane_up 0"));
}

TEST(Json, HasTheWholeSnapshot) {
  const json all = json::parse(render::json(busy_snapshot(), {.title = "peerd"}));
  EXPECT_EQ(all["schema"], 1);
  EXPECT_EQ(all["title"], "peerd");
  EXPECT_EQ(all["verdict"]["offender"], "write_class");
  EXPECT_EQ(all["lane"]["open_ns"], 11'520'000'000'000);
  EXPECT_EQ(all["classes"].size(), 2U);
  const json& connect = all["classes"][1];
  EXPECT_EQ(connect["name"], "connect");
  EXPECT_EQ(connect["ends_units"]["committed"], 119'000);
  EXPECT_EQ(connect["wait_ns"]["count"], 2'000);
  EXPECT_EQ(connect["minute"]["span_ns"], 62'000'000'000);
  EXPECT_EQ(connect["timeline"].size(), 12U);
  EXPECT_EQ(connect["timeline"][11]["from_age_ns"], 5'000'000'000);
  EXPECT_EQ(connect["behind"]["classes_ns"]["blobs"], 34'000'000'000);
  EXPECT_EQ(connect["behind"]["obstacles_ns"]["checkpoint"], 11'000'000'000);
  EXPECT_EQ(connect["rejections"][0]["last"]["code"], "record");
  EXPECT_EQ(all["call_sites"][0]["label"], "store.cc:88 put_blob");
  EXPECT_EQ(all["slowest_ticks"][0]["parts"][0]["class"], "blobs");
  EXPECT_EQ(all["slowest_units"][0]["behind"]["obstacles_ns"]["other"], 3'000'000);
  EXPECT_EQ(all["log"]["disk"]["log"]["floor_ns"], 160'000);
  EXPECT_EQ(all["log"]["pinned_age_ns"], nullptr);
  EXPECT_EQ(all["intake"]["segments"], 0);
}

TEST(Json, SaysWhetherATraceIsRecorded) {
  JournalStats stats = busy_snapshot();
  stats.trace = {.bytes = 4096, .ticks = 12};
  EXPECT_EQ(json::parse(render::json(stats))["trace"],
            json({{"bytes", 4096}, {"ticks", 12}, {"lost_ticks", 0}, {"ended", nullptr}}));
  stats.trace.ended = TraceEnd::size;
  EXPECT_EQ(json::parse(render::json(stats))["trace"]["ended"], "size");
}

TEST(Json, HasWhatIsSeenOfAServer) {
  JournalStats stats;
  stats.conflicts = 2;
  stats.server = {.name = "host=db", .connections = 3, .lock_holders = {{.pid = 12, .name = "x"}}};
  const json all = json::parse(render::json(stats));
  EXPECT_EQ(all["lane"]["conflicts"], 2);
  EXPECT_EQ(all["server"]["name"], "host=db");
  EXPECT_EQ(all["server"]["connections"], 3);
  EXPECT_EQ(all["server"]["answer_ns"]["count"], 0);
  EXPECT_EQ(all["server"]["lock_holders"], json({{{"pid", 12}, {"name", "x"}}}));
}

TEST(Json, AHistogramIsItsCountSumMaximumAndPercentiles) {
  JournalStats stats;
  for (std::uint64_t i = 1; i <= 50; ++i) stats.sync_ns.record(i);
  EXPECT_EQ(
      json::parse(render::json(stats))["lane"]["sync_ns"],
      json({{"count", 50}, {"sum", 1275}, {"max", 50}, {"p50", 25}, {"p90", 45}, {"p99", 50}}));
}

TEST(Json, TextsComeThroughAsTheyAreAndBytesThatAreNoUtf8AreReplaced) {
  const json all = json::parse(render::json(hostile_snapshot(kHostile)));
  EXPECT_EQ(all["classes"][0]["name"], "<b>\"a\\'&\n{}\uFFFD\u00e9\x01");
}

}  // namespace
}  // namespace onelane::test
