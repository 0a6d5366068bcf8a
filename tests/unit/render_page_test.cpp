// The page: well-formed, escaped, self-contained, and in the order in which it is read.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "onelane/render.h"
#include "src/render/chart.h"
#include "src/render/page_text.h"
#include "src/render/words.h"
#include "tests/support/snapshots.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

// A page without its style and script, which are not markup.
std::string markup(std::string page) {
  for (const std::string_view text : {render::page_style(), render::page_script()}) {
    const std::size_t at = page.find(text);
    if (at != std::string::npos) page.erase(at, text.size());
  }
  return page;
}

std::vector<std::string> tags_of(const std::string& page) {
  std::vector<std::string> tags;
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    tags.push_back(page.substr(at + 1, page.find('>', at) - at - 1));
  }
  return tags;
}

// The first tag that does not close what is open; "" if all are closed, in order.
std::string first_unbalanced(const std::string& page) {
  std::vector<std::string> open;
  for (const std::string& tag : tags_of(page)) {
    const std::string name = tag.substr(0, tag.find(' '));
    if (name == "!DOCTYPE" || name == "meta" || name == "link" || tag.ends_with("/")) continue;
    if (!name.starts_with("/")) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name.substr(1)) {
      return tag;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

std::multiset<std::string> ids_of(const std::string& page) {
  std::multiset<std::string> ids;
  for (const std::string& tag : tags_of(page)) {
    const std::size_t at = tag.find(" id=\"");
    if (at == std::string::npos) continue;
    ids.insert(tag.substr(at + 5, tag.find('"', at + 5) - at - 5));
  }
  return ids;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST(Page, IsBalancedAndEachIdIsThereOnce) {
  for (const JournalStats& stats :
       {busy_snapshot(), JournalStats(), large_snapshot(20, 40), hostile_snapshot("<b>\"'&")}) {
    const std::string page = markup(render::html(stats, {.refresh = 2s}));
    EXPECT_EQ(first_unbalanced(page), "");
    const auto ids = ids_of(page);
    EXPECT_EQ(ids.size(), std::set<std::string>(ids.begin(), ids.end()).size());
  }
}

TEST(Page, AnswersInTheOrderOfUrgency) {
  const std::string page = render::html(busy_snapshot());
  std::size_t before = 0;
  for (const char* heading :
       {"Is anything wrong?", "Who makes others wait?", "Queues now", "Waits over the last minute",
        "Who had the lane", "The slowest", "Log and checkpoints", "Disk and other writers",
        "Drops and rejects", "Call sites", "Since the opening"}) {
    const std::size_t at = page.find(std::string(">") + heading + "</h2>");
    ASSERT_NE(at, std::string::npos) << heading;
    EXPECT_GT(at, before) << heading;
    before = at;
  }
}

TEST(Page, SaysTheVerdictInSentences) {
  const std::string page = render::html(busy_snapshot());
  EXPECT_NE(page.find("blobs held the lane for 71 % of the last minute"), std::string::npos);
  EXPECT_NE(page.find("behind blobs (62 %) and checkpoints (20 %)."), std::string::npos);
}

TEST(Page, TheFirstSentencesSayWhatItIsOfSinceWhenAndOnWhat) {
  const std::string page = render::html(
      busy_snapshot(),
      {.title = "peerd", .note = "SQLite 3.40.1 on ext4.", .unix_time = 1'796'000'000});
  EXPECT_NE(page.find("<h1>peerd</h1>"), std::string::npos);
  EXPECT_NE(page.find("open for 3 h 12 min, since 2026-11-29 21:41:20 UTC. As of 2026-11-30 "
                      "00:53:20 UTC. SQLite 3.40.1 on ext4."),
            std::string::npos);
}

TEST(Page, NothingFromOutsideIsMarkup) {
  const std::string evil = "</style><script>alert(1)</script><img src=x onerror=\"f('&')\">";
  const std::string page = markup(render::html(
      hostile_snapshot(evil),
      {.title = evil, .note = evil, .health = {Condition::stalled, Status(Errc::storage, evil)}}));
  EXPECT_EQ(count(page, "<script"), 0U);
  EXPECT_EQ(count(page, "<img"), 0U);
  EXPECT_GT(count(page, "&lt;img src=x onerror=&quot;f(&#39;&amp;&#39;)&quot;&gt;"), 10U);
  for (const std::string& tag : tags_of(page)) {
    EXPECT_EQ(tag.find(" on"), std::string::npos) << tag;
  }
}

TEST(Page, BytesThatAreNoTextAreReplaced) {
  const std::string page = render::html(hostile_snapshot(std::string("\xff\x00\x1b", 3)));
  EXPECT_EQ(page.find('\xff'), std::string::npos);
  EXPECT_EQ(page.find('\0'), std::string::npos);
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
}

TEST(Page, AsksNobodyElseForAnything) {
  const std::string page = render::html(busy_snapshot(), {.refresh = 2s});
  for (const char* other : {"src=", "@import", "url(", "http:", "https:", "<link", "style=\""}) {
    EXPECT_EQ(page.find(other), std::string::npos) << other;
  }
  EXPECT_EQ(count(page, "fetch("), 1U);
  EXPECT_EQ(count(page, "fetch(location.href,"), 1U);
}

TEST(Page, HasAScriptOnlyIfItIsToBeFetchedAgain) {
  EXPECT_EQ(render::html(busy_snapshot()).find("<script"), std::string::npos);
  const std::string page = render::html(busy_snapshot(), {.refresh = 2500ms});
  EXPECT_NE(page.find("data-refresh=\"2500\""), std::string::npos);
  EXPECT_NE(page.find("<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript>"),
            std::string::npos);
  EXPECT_NE(page.find(std::string("<script>") + std::string(render::page_script()) + "</script>"),
            std::string::npos);
  EXPECT_NE(render::html(busy_snapshot(), {.refresh = 1ns}).find("data-refresh=\"1000\""),
            std::string::npos);
}

TEST(Page, ChartsHaveTitlesAxesAndATable) {
  const std::string page = markup(render::html(busy_snapshot()));
  EXPECT_EQ(count(page, "role=\"img\""), 2U);
  EXPECT_EQ(count(page, "<desc>A chart of the figures in the table below.</desc>"), 2U);
  for (const char* axis : {"seconds; 0 is now", "% of the time", "ms at p99 in five seconds"}) {
    EXPECT_NE(page.find(axis), std::string::npos) << axis;
  }
  EXPECT_EQ(count(page, "The same as a table</summary>"), 2U);
}

TEST(Page, TablesHaveCaptionsAndHeads) {
  const std::string page = markup(render::html(busy_snapshot()));
  EXPECT_EQ(count(page, "<table>"), count(page, "<caption>"));
  EXPECT_GT(count(page, "<table>"), 6U);
  EXPECT_EQ(count(page, "<th>"), 0U);  // each has its scope
  EXPECT_EQ(count(page, "<main>"), 1U);
  EXPECT_EQ(count(page, "<h1>"), 1U);
}

TEST(Page, OnlyTheFirstAnswerIsReadOutWhenItChanges) {
  const std::string page = markup(render::html(busy_snapshot()));
  EXPECT_EQ(count(page, "role=\"status\""), 1U);
  EXPECT_EQ(count(page, "aria-live"), 0U);
}

TEST(Page, ATickSaysWhatItWasMadeOf) {
  JournalStats stats = busy_snapshot();
  stats.slowest_ticks.resize(1);
  EXPECT_NE(render::html(stats).find("19 ms, 3 s ago: blobs (70 %), connect (10 %) and BEGIN and "
                                     "COMMIT (10 %) (commit 41000)</summary>"),
            std::string::npos);
}

TEST(Page, SaysOfATraceHowLargeItIsAndThatItEnded) {
  JournalStats stats = busy_snapshot();
  EXPECT_EQ(render::html(stats).find("<dt>Trace</dt>"), std::string::npos);
  stats.trace = {.bytes = 65'536, .ticks = 12, .lost_ticks = 3, .ended = TraceEnd::size};
  EXPECT_NE(render::html(stats).find(
                "<dt>Trace</dt><dd>12 ticks in 64 KiB; it ended (size), 3 ticks since</dd>"),
            std::string::npos);
}

TEST(Page, OfALaneAtAServerSaysHowThatAnswersInsteadOfALog) {
  JournalStats stats = busy_snapshot();
  EXPECT_NE(render::html(stats).find("Log and checkpoints"), std::string::npos);
  stats.conflicts = 2;
  stats.server = {.name = "host=db",
                  .connections = 3,
                  .lock_holders = {{.pid = 12, .name = "sync <job>"}, {7}}};
  stats.server.answer_ns.record(Duration(2ms));
  const std::string page = render::html(stats);
  EXPECT_EQ(page.find("Log and checkpoints"), std::string::npos);
  for (const char* part :
       {"<dt>Where</dt><dd>host=db</dd>", "<dt>Answers</dt><dd>1; 2 ms at p50",
        "<dt>Lost to other transactions</dt><dd>2 times</dd>", "<dt>Connected</dt><dd>3 times</dd>",
        "<dt>Last had the lock</dt><dd>sync &lt;job&gt; (process 12) and process 7</dd>"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST(Page, AForkedChildsSaysSoAndNothingElse) {
  const std::string page =
      render::html(JournalStats(), {.standing = render::Standing::forked, .refresh = 2s});
  EXPECT_NE(page.find("forked"), std::string::npos);
  EXPECT_EQ(page.find("Queues now"), std::string::npos);
  EXPECT_EQ(first_unbalanced(markup(page)), "");
}

TEST(Page, OfManyClassesThoseWithTheLargestFiguresAreDrawn) {
  const std::string page = render::html(large_snapshot(20, 0));
  EXPECT_EQ(count(page, "Of 20 classes the 8 with the largest figures are drawn."), 2U);
}

TEST(Chart, ValuesBelowZeroAreOnTheAxis) {
  const std::string svg =
      render::line_chart({.title = "t", .x = {.title = "x"}, .y = {.title = "y"}},
                         {{"a", 0, {{-60, 1, {}}, {0, 2, {}}}}});
  EXPECT_NE(svg.find(">-60</text>"), std::string::npos) << svg;
  EXPECT_NE(svg.find(">0</text>"), std::string::npos);
}

TEST(Words, DurationsHaveTwoDigitsOrAllBeforeThePoint) {
  for (const auto& [duration, text] :
       std::vector<std::pair<Duration, std::string>>{{0ns, "0 ms"},
                                                     {-1s, "0 ms"},
                                                     {7ns, "7 ns"},
                                                     {1500ns, "1.5 \u00b5s"},
                                                     {9400us, "9.4 ms"},
                                                     {9960us, "10 ms"},
                                                     {999'600us, "1 s"},
                                                     {14ms, "14 ms"},
                                                     {90s, "1 min 30 s"},
                                                     {3h + 12min, "3 h 12 min"},
                                                     {50h, "2 d 2 h"}}) {
    EXPECT_EQ(render::duration_text(duration), text);
  }
}

TEST(Words, SharesBytesAndCounts) {
  EXPECT_EQ(render::percent_text(0.71), "71 %");
  EXPECT_EQ(render::percent_text(0.004), "0.4 %");
  EXPECT_EQ(render::percent_text(0.00001), "under 0.1 %");
  EXPECT_EQ(render::percent_text(0), "0 %");
  EXPECT_EQ(render::bytes_text(512), "512 B");
  EXPECT_EQ(render::bytes_text(13'000'000), "12 MiB");
  EXPECT_EQ(render::count_text(1'234'567), "1,234,567");
  EXPECT_EQ(render::count_text(123), "123");
  EXPECT_EQ(render::listed({"a", "b", "c"}), "a, b and c");
}

TEST(Words, ALongNameIsCutBetweenCharacters) {
  EXPECT_EQ(render::shortened("peers", 5), "peers");
  EXPECT_EQ(render::shortened("p\u00e9\u00e9rs", 4), "p\u00e9\u00e9\u2026");
}

}  // namespace
}  // namespace onelane::test
