// The page that --html writes: well-formed, escaped, and complete.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/kit/html.h"
#include "bench/storm/timeline.h"
#include "src/render/chart.h"

namespace onelane::bench {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

json series(double median) {
  return {{"median", median}, {"min", median / 2}, {"max", median * 2}, {"runs", {median}}};
}

json callers(const std::string& contestant) {
  json cases = json::array();
  for (const char* name : {"t1", "t16"}) {
    cases.push_back({{"name", name},
                     {"figures", {"per_s", "p50_us", "p99_us"}},
                     {"contestants",
                      {{{"name", contestant},
                        {"per_s", series(20'800)},
                        {"p50_us", series(90)},
                        {"p99_us", series(1'500)}}}},
                     {"ratios", json::array()}});
  }
  return {{"question", "callers"}, {"settings", {{"seed", 1}}}, {"cases", cases}};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

// Every element that is opened is closed, in order.
std::string first_unbalanced(const std::string& page) {
  std::vector<std::string> open;
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    const std::string tag = page.substr(at + 1, end - at - 1);
    if (tag.starts_with("!") || tag.starts_with("meta") || tag.ends_with("/")) continue;
    if (tag.starts_with("/")) {
      if (open.empty() || open.back() != tag.substr(1)) return tag;
      open.pop_back();
    } else {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  return open.empty() ? "" : open.back();
}

TEST(HtmlReport, IsBalancedAndNeedsNothingElse) {
  const std::string page = to_html(callers("onelane"));
  EXPECT_EQ(first_unbalanced(page), "");
  for (const char* other : {"<script", "<link", "src=", "@import", "url(", "http"}) {
    EXPECT_EQ(page.find(other), std::string::npos) << other;
  }
}

TEST(HtmlReport, CasesThatDifferInANumberAreOneChartOfLines) {
  const std::string page = to_html(callers("onelane"));
  EXPECT_EQ(count(page, "rows per second</figcaption>"), 1U);
  EXPECT_EQ(count(page, "distribution</figcaption>"), 2U);
}

TEST(HtmlReport, TablesHaveWhatChartsShow) {
  const std::string page = to_html(callers("onelane"));
  EXPECT_EQ(count(page, "<table>"), 2U);
  EXPECT_EQ(count(page, "20,800 (10,400 \u2013 41,600)"), 2U);
}

json environment() {
  return {{"date", "2026-11-29 10:31 UTC"},
          {"processor", "A & B"},
          {"processors", 2},
          {"onelane_version", "0.1.0"},
          {"file_system", "ext4"},
          {"sqlite_version", "3.40.1"},
          {"sync_ms", {{"p50", 0.16}, {"p99", 0.23}}}};
}

TEST(HtmlReport, TheFirstSentencesSayWhatRanOnWhatAndWhoWonByHowMuch) {
  json result = callers("onelane");
  result["environment"] = environment();
  json& contestants = result["cases"][0]["contestants"];
  contestants.push_back({{"name", "lock"}, {"per_s", series(5'000)}});
  const std::string page = to_html(result);
  EXPECT_NE(
      page.find("<p>onelane-bench callers ran 2026-11-29 10:31 UTC, on 2 processors (A &amp; "
                "B), with databases on ext4, where a page&#39;s sync takes 0.16 ms at p50 and "
                "0.23 ms at p99, SQLite 3.40.1, onelane 0.1.0.</p>"),
      std::string::npos)
      << page;
  EXPECT_NE(page.find("<li>t1, rows per second: onelane wins with 20,800, 4.16 times more than "
                      "lock (5,000).</li>"),
            std::string::npos)
      << page;
}

TEST(HtmlReport, NobodyHasWonWhereTheRunsOverlap) {
  json result = callers("onelane");
  result["cases"][0]["contestants"].push_back({{"name", "lock"}, {"per_s", series(19'000)}});
  EXPECT_NE(to_html(result).find("onelane (20,800) and lock (19,000) are not told apart"),
            std::string::npos);
}

TEST(HtmlReport, WhereThereWasOneRunTheFirstOnlyLeads) {
  json result = callers("onelane");
  json& contestants = result["cases"][0]["contestants"];
  contestants[0]["per_s"] = {{"median", 30}, {"min", 30}, {"max", 30}};
  contestants.push_back({{"name", "lock"}, {"per_s", {{"median", 10}, {"min", 10}, {"max", 10}}}});
  EXPECT_NE(to_html(result).find("onelane leads with 30, 3 times more than lock (10)."),
            std::string::npos);
}

TEST(HtmlReport, OfCostsTheSmallestWins) {
  json result = callers("onelane");
  result["cases"][0]["figures"] = {"p50_us"};
  result["cases"][0]["contestants"].push_back({{"name", "lock"}, {"p50_us", series(900)}});
  EXPECT_NE(
      to_html(result).find("t1, p50 us: onelane wins with 90, 10 times less than lock (900)."),
      std::string::npos);
}

TEST(HtmlReport, NamesFromTheResultAreEscaped) {
  const std::string page = to_html(callers("<b>&\"'"));
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;&amp;&quot;&#39;"), std::string::npos);
}

TEST(HtmlReport, AFigureWithoutAValueIsADash) {
  json result = callers("onelane");
  result["cases"][0]["contestants"][0]["per_s"] = {{"median", nullptr}, {"min", nullptr}};
  const std::string page = to_html(result);
  EXPECT_NE(page.find("<td>-</td>"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
}

TEST(HtmlReport, TheStormShowsTotalsOverTimeAndTheirDistribution) {
  json one{{"name", "connect"},
           {"total_ms", {{"p50", 2.0}, {"p99", 20.0}, {"max", 90.0}}},
           {"timeline",
            {{"slice_s", 1},
             {"p50_ms", {1, nullptr}},
             {"p99_ms", {9, nullptr}},
             {"max_ms", {30, nullptr}}}}};
  json result{
      {"question", "storm"},
      {"strategies", {{{"name", "onelane"}, {"classes", {one}}, {"heavy_rows_per_s", 30'000}}}}};
  const std::string page = to_html(result);
  EXPECT_EQ(first_unbalanced(page), "");
  EXPECT_NE(page.find("connect over time"), std::string::npos);
  EXPECT_NE(page.find("onelane, max: 90"), std::string::npos);
  EXPECT_NE(page.find("onelane, 0: 9 (1 to 30)"), std::string::npos);
}

TEST(StormTimeline, IsOfSlicesFromTheBeginning) {
  const std::chrono::steady_clock::time_point begin{1h};
  const json timeline = storm::timeline_json(
      {{begin + 10ms, 2ms}, {begin + 90ms, 4ms}, {begin + 250ms, 7ms}}, begin, 100ms);
  EXPECT_EQ(timeline["max_ms"], json({4.0, nullptr, 7.0}));
  EXPECT_EQ(timeline["p50_ms"], json({2.0, nullptr, 7.0}));
  EXPECT_EQ(timeline["slice_s"], 0.1);
}

TEST(ShortNumber, KeepsThreeDigits) {
  EXPECT_EQ(render::short_number(0), "0");
  EXPECT_EQ(render::short_number(0.25), "0.25");
  EXPECT_EQ(render::short_number(20'815), "20.8k");
  EXPECT_EQ(render::short_number(1'500'000), "1.5M");
}

}  // namespace
}  // namespace onelane::bench
