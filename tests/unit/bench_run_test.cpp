#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/kit/database.h"
#include "bench/kit/errors.h"
#include "bench/run.h"
#include "bench/run/document.h"
#include "bench/run/format.h"
#include "bench/run/load.h"
#include "bench/run/options.h"
#include "bench/run/report.h"
#include "bench/run/run.h"
#include "bench/run/strategy.h"
#include "bench/run/verify.h"
#include "bench/storm/options.h"
#include "onelane/option_text.h"
#include "tests/support/temp_directory.h"

namespace onelane::bench::run {
namespace {

// A workload of which each test changes a part.
constexpr const char* kSmall = R"json({
  "workload": 1,  // of this format
  "name": "small", "time": "200ms", "grace": "20s", "callers": 4,
  "schema": ["CREATE TABLE t(id INTEGER PRIMARY KEY, data BLOB)",
             "CREATE TABLE n(id INTEGER PRIMARY KEY, count INTEGER)"],
  "journal": "tick.hold=5ms",
  "classes": ["a:weight=4", "b", "kept:intake=on,promise=journaled"],
  "sources": [
    {"name": "writes", "class": "a", "open": {"per-second": 100, "spacing": "even"}, "rows": [
      {"sql": "INSERT INTO t VALUES(?1, ?2)",
       "found": "SELECT 1 FROM t WHERE id = ?1 AND data = ?2",
       "columns": [{"type": "integer"}, {"type": "blob", "bytes": [0, 100]}]}]},
    {"name": "jobs", "class": "b", "closed": {"callers": 1, "pause": "1ms"},
     "job": {"units": 8, "bytes-per-step": "1KiB"}, "direct-hold": "20ms", "rows": [
      {"sql": "INSERT INTO n VALUES(?1, 1) ON CONFLICT DO UPDATE SET count = count + 1",
       "count": 2, "columns": [{"type": "integer", "key": "hot", "of": 10}],
       "total": "SELECT coalesce(sum(count), 0) FROM n"}]}
  ]
})json";

using nlohmann::json;

json small() { return json::parse(kSmall, nullptr, true, true); }

// The small workload with the value at a JSON pointer replaced; "null" removes it.
std::string changed(const std::string& pointer, const std::string& value) {
  json document = small();
  const json::json_pointer at(pointer);
  if (value == "null")
    document.at(at.parent_pointer()).erase(at.back());
  else
    document[at] = json::parse(value);
  return document.dump();
}

std::string complaint(const std::string& text) {
  try {
    (void)parse_workload(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

std::string written(const test::TempDirectory& directory, const std::string& text) {
  const std::filesystem::path path = directory / "workload.json";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string complaint_of_file(const std::string& text) {
  const test::TempDirectory directory;
  try {
    (void)load_workload(written(directory, text));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(RunFormat, AWorkloadIsReadWithItsCommentsAndDefaults) {
  const Workload workload = parse_workload(kSmall);
  EXPECT_EQ(workload.name, "small");
  EXPECT_EQ(workload.duration, std::chrono::milliseconds(200));
  EXPECT_EQ(workload.seed, 1U);
  EXPECT_EQ(workload.journal.tick.hold, std::chrono::milliseconds(5));
  ASSERT_EQ(workload.classes.size(), 3U);
  EXPECT_EQ(workload.classes[0].weight, 4U);
  const SourceSpec& writes = workload.sources.at(0);
  EXPECT_TRUE(writes.open() && writes.spacing == Spacing::even && writes.call == Call::write);
  const SourceSpec& jobs = workload.sources.at(1);
  EXPECT_EQ(jobs.write_class, 1U);
  EXPECT_EQ(jobs.job_units, 8U);
  EXPECT_EQ(jobs.rows_per_unit(), 2U);
  EXPECT_EQ(jobs.direct_hold, std::chrono::milliseconds(20));
}

struct Wrong {
  std::string pointer;
  std::string value;
  std::vector<std::string> said;
};

class WrongWorkload : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongWorkload, IsRefusedWithThePlaceTheValueAndWhatIsRight) {
  const std::string message = complaint(changed(GetParam().pointer, GetParam().value));
  for (const std::string& part : GetParam().said) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " is not in: " << message;
  }
}

const Wrong kWrong[] = {
    {"/workload", "2", {"workload: '2' is not between 1 and 1"}},
    {"/workload", "null", {"the key 'workload' is missing"}},
    {"/clases", "[]", {"there is no key 'clases' here; the nearest is 'classes'"}},
    {"/name", "\"\"", {"name: '' is an empty text"}},
    {"/name", "7", {"name: '7' is no text"}},
    {"/time", "\"5\"", {"time: '5' is no time, such as \"5ms\", between 100ms and 3600s"}},
    {"/time", "\"10ms\"", {"time: '10ms' is not between 100ms"}},
    {"/grace", "\"-1s\"", {"grace: '-1s' is no time"}},
    {"/callers", "0", {"callers: '0' is not between 1 and 4096"}},
    {"/callers", "2.5", {"callers: '2.5' is no whole number between 1 and 4096"}},
    {"/seed", "-1", {"seed: '-1' is no whole number"}},
    {"/schema", "{}", {"schema: '{...}' is no list"}},
    {"/schema", "[]", {"schema: has 0 elements; it must have 1 to 1000"}},
    {"/journal", "\"tick.hlod=5ms\"", {"journal: ", "tick.hlod", "tick.hold"}},
    {"/journal", "\"drive=manual\"", {"journal: drive must be thread"}},
    {"/classes", "[]", {"classes: has 0 elements; it must have 1 to 64"}},
    {"/classes/0", "\"a:wieght=4\"", {"classes[0]: ", "wieght", "weight"}},
    {"/classes/1", "\"a\"", {"classes[1]: the class 'a' is there twice"}},
    {"/sources", "[]", {"sources: has 0 elements; it must have 1 to 64"}},
    {"/sources/0", "3", {"sources[0]: '3' is no object"}},
    {"/sources/1/name", "\"writes\"", {"sources[1].name: 'writes' is the name of another source"}},
    {"/sources/0/class",
     "\"aa\"",
     {"sources[0].class: 'aa' is none of the classes; the nearest is 'a'"}},
    {"/sources/0/call",
     "\"wirte\"",
     {"sources[0].call: 'wirte' is none of push, submit, write, journal"}},
    {"/sources/0/call",
     "\"journal\"",
     {"sources[0].call: 'journal' is for classes with intake=on; a has it off"}},
    {"/sources/0/open", "null", {"sources[0]: needs either \"open\" or \"closed\""}},
    {"/sources/0/closed", "{\"callers\": 1}", {"sources[0]: needs either \"open\" or \"closed\""}},
    {"/sources/0/open/per-second",
     "0",
     {"sources[0].open.per-second: '0' is not between 0.01 and"}},
    {"/sources/0/open/spacing", "\"poison\"", {"'poison' is none of poisson, even"}},
    {"/sources/1/closed/pause",
     "\"2m\"",
     {"sources[1].closed.pause: '2m' is not between 0 and 60s"}},
    {"/sources/1/closed/callers", "4095", {"sources: have 4099 callers", "there can be 4096"}},
    {"/sources/0/direct-hold",
     "\"1s\"",
     {"sources[0].direct-hold: '1s' is for closed sources only"}},
    {"/sources/1/call", "\"push\"", {"sources[1].call: 'push' is not for jobs"}},
    {"/sources/1/class", "\"kept\"", {"sources[1].job: the class kept has an intake"}},
    {"/sources/1/job/units", "0", {"sources[1].job.units: '0' is not between 1 and 10000"}},
    {"/sources/0/rows/0/sql", "null", {"sources[0].rows[0]: the key 'sql' is missing"}},
    {"/sources/0/rows/0/found", "null", {"sources[0].rows[0]: needs \"found\", \"total\" or both"}},
    {"/sources/0/rows/0/count", "10001", {"sources[0].rows[0].count: '10001' is not between"}},
    {"/sources/0/rows/0/coalesce",
     "[2]",
     {"sources[0].rows[0].coalesce[0]: '2' is not between 0 and 1"}},
    {"/sources/0/rows/0/columns", "[]", {"columns: has 0 elements; it must have 1 to 64"}},
    {"/sources/0/rows/0/columns/0/type",
     "\"int\"",
     {"columns[0].type: 'int' is none of integer, real, text, blob"}},
    {"/sources/0/rows/0/columns/0/bytes",
     "4",
     {"columns[0].bytes: '4' is for texts and blobs only"}},
    {"/sources/0/rows/0/columns/1/bytes",
     "[9, 3]",
     {"columns[1].bytes: must have the smaller size first"}},
    {"/sources/0/rows/0/columns/1/bytes",
     "\"17MiB\"",
     {"columns[1].bytes: '17MiB' is not between 0B and 16MiB"}},
    {"/sources/0/rows/0/columns/1/bytes", "null", {"columns[1]: the key 'bytes' is missing"}},
    {"/sources/1/rows/0/columns/0/of", "null", {"a random or hot key needs \"of\""}},
    {"/sources/1/rows/0/columns/0/each", "2", {"each: '2' is for sequential keys only"}},
    {"/sources/0/rows/0/columns/0/draw", "\"x\"", {"draw: 'x' is for random and hot keys only"}},
};
INSTANTIATE_TEST_SUITE_P(All, WrongWorkload, ::testing::ValuesIn(kWrong));

TEST(RunFormat, WhatIsNoJsonIsRefusedWithItsLine) {
  EXPECT_NE(complaint("{\n\"workload\": 1,\n}").find("line 3"), std::string::npos);
  EXPECT_NE(complaint("").find("unexpected end"), std::string::npos);
  EXPECT_NE(complaint("{\"name\": 1e999}").find("1e999"), std::string::npos);
  EXPECT_EQ(complaint("[1]"), "'[...]' is no object: { \"key\": value, ... }");
}

TEST(RunFormat, AKeyThatIsThereTwiceIsRefused) {
  EXPECT_EQ(complaint(R"({"workload": 1, "name": "a", "name": "b"})"),
            "the key 'name' is there twice in one object");
}

TEST(RunFormat, HostileDocumentsAreRefused) {
  EXPECT_EQ(complaint(std::string(100'000, '[')), "is nested deeper than 16 levels");
  EXPECT_EQ(complaint(std::string(kDocumentBytesMax + 1, ' ')),
            "is 1MiB long; at most 1MiB are read");
  EXPECT_NE(complaint("{\"name\": \"\xff\"}"), "");
}

TEST(RunFormat, SqlIsHeldAgainstTheSchemaAndTheColumnsBeforeARun) {
  const std::string rows = "/sources/0/rows/0/";
  for (const auto& [pointer, value, said] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"/schema", "\"CREATE TABEL t(x)\"", ": schema: "},
           {rows + "sql", "\"INSERT INTO nowhere VALUES(?1, ?2)\"",
            "sources[0].rows[0].sql: cannot prepare"},
           {rows + "sql", "\"INSERT INTO t VALUES(?1, 0)\"",
            "sources[0].rows[0].sql: has 1 parameters, and the row 2 columns; they must be ?1 to "
            "?2"},
           {rows + "found", "\"SELECT 1 FROM t WHERE id = ?3\"",
            "sources[0].rows[0].found: has more parameters than ?2"},
           {rows + "total", "\"SELECT count(*) FROM t WHERE id = ?1\"",
            "sources[0].rows[0].total: has parameters; it must have none"}}) {
    const std::string message = complaint_of_file(changed(pointer, value));
    EXPECT_NE(message.find(said), std::string::npos) << message;
  }
}

TEST(RunValues, FollowFromTheNumberAlone) {
  const Workload workload = parse_workload(kSmall);
  Cells once;
  Cells again;
  fill(once, workload, {0, 0, 7});
  fill(again, workload, {0, 0, 8});
  EXPECT_NE(once[1].bytes, again[1].bytes);
  fill(again, workload, {0, 0, 7});
  EXPECT_EQ(once[0].integer, 7);
  EXPECT_EQ(once[1].bytes, again[1].bytes);
  EXPECT_LE(once[1].bytes.size(), 100U);
}

TEST(RunValues, SequentialKeysGoRoundAndHotOnesAreMostlyLow) {
  ColumnSpec column{.of = 3, .each = 2};
  std::vector<std::uint64_t> keys;
  for (std::uint64_t i = 0; i < 8; ++i) keys.push_back(key_of(column, 1, i));
  EXPECT_EQ(keys, (std::vector<std::uint64_t>{0, 0, 1, 1, 2, 2, 0, 0}));
  column = {.keys = Keys::hot, .of = 800};
  int low = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_LT(key_of(column, 1, i), 800U);
    low += key_of(column, 1, i) < 100 ? 1 : 0;
  }
  EXPECT_NEAR(low, 500, 60);
}

// Both strategies, run and verified.
class SmallRun : public ::testing::TestWithParam<StrategyKind> {
 protected:
  storm::StrategyResult run(const Workload& workload) {
    storm::StrategyResult result = run_workload(GetParam(), workload, path());
    result.verdict = verify(path(), workload, result);
    return result;
  }
  std::filesystem::path path() const { return directory_ / "run.db"; }

  test::TempDirectory directory_{test::TempDirectory::Where::in_memory};
};
INSTANTIATE_TEST_SUITE_P(Both, SmallRun,
                         ::testing::Values(StrategyKind::direct, StrategyKind::onelane),
                         [](const auto& kind) { return std::string(name(kind.param)); });

std::string examples(const storm::StrategyResult& result) {
  std::string all;
  for (const std::string& each : result.verdict.examples) all += each + "\n";
  return all + result.ledger.first_error();
}

TEST_P(SmallRun, WritesWhatItAcknowledgesAndNothingElse) {
  const storm::StrategyResult result = run(parse_workload(kSmall));
  EXPECT_TRUE(result.verdict.verified()) << examples(result);
  EXPECT_EQ(result.ledger.of(source_of(0)).acknowledged, 20U - 1) << examples(result);
  EXPECT_GT(result.ledger.of(source_of(1)).acknowledged, 0U) << examples(result);
  EXPECT_GT(result.heavy_rows_per_s(), 0);
  EXPECT_FALSE(result.pragmas.empty());
}

TEST_P(SmallRun, EachCallIsVerified) {
  for (const char* call : {"\"push\"", "\"submit\""}) {
    const storm::StrategyResult result = run(parse_workload(changed("/sources/0/call", call)));
    EXPECT_TRUE(result.verdict.verified()) << call << examples(result);
    EXPECT_GT(result.ledger.of(source_of(0)).acknowledged, 0U) << call;
    std::filesystem::remove(path());
  }
  json kept = small();
  kept["sources"][0]["call"] = "journal";
  kept["sources"][0]["class"] = "kept";
  const storm::StrategyResult result = run(parse_workload(kept.dump()));
  EXPECT_TRUE(result.verdict.verified()) << examples(result);
}

TEST_P(SmallRun, LostAndForeignRowsAreSeen) {
  const Workload workload = parse_workload(kSmall);
  storm::StrategyResult result = run(workload);
  {
    Connection database(path(), Access::read_write);
    database.execute("DELETE FROM t WHERE id = 3; UPDATE n SET count = count + 1");
  }
  result.verdict = verify(path(), workload, result);
  EXPECT_EQ(result.verdict.lost_of(source_of(0)), 1U) << examples(result);
  EXPECT_EQ(result.verdict.lost_of(source_of(1)), 0U);
  EXPECT_EQ(result.verdict.faults, 1U) << examples(result);
}

TEST_P(SmallRun, AWriteThatFailsIsCountedAndNotExpected) {
  const storm::StrategyResult result = run(
      parse_workload(changed("/sources/0/rows/0/columns/0", R"({"type": "integer", "of": 5})")));
  const storm::Tally& writes = result.ledger.of(source_of(0));
  EXPECT_EQ(writes.acknowledged, 5U);
  EXPECT_EQ(writes.count(storm::Refusal::failed), writes.offered - 5);
  EXPECT_TRUE(result.verdict.verified()) << examples(result);
}

TEST(RunReport, HasThePathsOfAStormForEachSource) {
  RunOptions options;
  options.workload = parse_workload(kSmall);
  options.strategies = {StrategyKind::direct, StrategyKind::onelane};
  const json document = empty_json(options);
  EXPECT_EQ(document["question"], "run");
  for (const json& strategy : document["strategies"]) {
    ASSERT_EQ(strategy["classes"].size(), 2U);
    EXPECT_EQ(strategy["classes"][0]["name"], "writes");
    EXPECT_TRUE(strategy["classes"][1]["total_ms"].contains("p99"));
  }
}

TEST(RunExamples, ShippedWorkloadsAreRightAndTheStormHasItsFiveSources) {
  const std::string folder = std::string(ONELANE_SOURCE_DIR) + "/bench/workloads/";
  EXPECT_EQ(load_workload(folder + "two-classes.json").sources.size(), 2U);
  const Workload storm = load_workload(folder + "storm.json");
  const storm::Classes classes = storm::default_classes();
  ASSERT_EQ(storm.sources.size(), storm::kSources);
  for (const storm::Source source : storm::kAllSources) {
    EXPECT_EQ(storm.sources[index(source)].name, storm::name(source));
    EXPECT_EQ(to_text(storm.classes[index(source)], Shown::all),
              to_text(classes[index(source)], Shown::all));
  }
}

}  // namespace
}  // namespace onelane::bench::run
