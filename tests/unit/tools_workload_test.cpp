// onelane workload: what a trace recorded, written as a file that onelane-bench run reads. The
// benchmark's own reader is what judges it; tests/workload_runs runs one.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bench/run/format.h"
#include "onelane/trace.h"
#include "tests/support/temp_directory.h"
#include "tests/support/tool.h"
#include "tests/support/traced_lane.h"
#include "tools/command.h"
#include "tools/kit/errors.h"
#include "tools/workload/load.h"
#include "tools/workload/text.h"

namespace onelane::tools {
namespace {

using namespace std::chrono_literals;
using bench::run::Call;
using bench::run::Keys;
using bench::run::parse_workload;
using bench::run::SourceSpec;
using bench::run::Spacing;
using bench::run::Workload;
using test::complaint;
using test::expect_contains;

TimePoint at(Duration time) { return TimePoint(time); }

// A trace with these classes, and two call sites.
Trace trace_of_classes(std::vector<ClassOptions> classes) {
  Trace trace;
  trace.budgets = {.tick = kDefaultTick, .commit_percent = 4, .classes = std::move(classes)};
  trace.sites = {"peers.cc:40 save", "blobs.cc:7 store", "other"};
  return trace;
}

std::string text_of(const Trace& trace) {
  return workload_text(trace, load_of(trace), "app.trace");
}
Workload read_back(const Trace& trace) { return parse_workload(text_of(trace)); }

double seconds_of(Duration time) { return std::chrono::duration<double>(time).count(); }

// What an open source pushes in the time of its file, and the mean of what it writes.
double units_in_all(const Workload& workload, const SourceSpec& source) {
  return source.per_second * seconds_of(workload.duration);
}
double value_bytes(const SourceSpec& source) {
  const auto& data = source.rows.at(0).columns.at(1);
  return static_cast<double>(data.bytes_min + data.bytes_max) / 2;
}

TEST(WorkloadOfATrace, HasTheClassesWithTheirOptionsAndTheBudgetOfATick) {
  Trace trace = trace_of_classes({{.name = "peers", .guarantee = {.records = 32}, .weight = 4},
                                  {.name = "blobs", .when_full = WhenFull::reject}});
  trace.budgets.tick.hold = 5ms;
  trace.budgets.commit_percent = 7;
  trace.units = {{.pushed = at(0s), .records = 1}, {.pushed = at(2s), .records = 1}};
  const Workload workload = read_back(trace);
  ASSERT_EQ(workload.classes.size(), 2U);
  EXPECT_EQ(workload.classes[0].weight, 4U);
  EXPECT_EQ(workload.classes[0].guarantee.records, 32U);
  EXPECT_EQ(workload.classes[1].when_full, WhenFull::reject);
  EXPECT_EQ(workload.journal.tick.hold, Duration(5ms));
  EXPECT_EQ(workload.journal.commit_percent, 7U);
  EXPECT_EQ(workload.duration, Duration(2s));
}

TEST(WorkloadOfATrace, KeepsTheRateOfPushesThatNobodyWaitsFor) {
  Trace trace = trace_of_classes({{.name = "peers"}});
  std::mt19937_64 random(1);
  std::exponential_distribution<double> gap(500);
  double now = 0;
  for (int i = 0; i < 2000; ++i) {
    now += gap(random);
    trace.units.push_back(
        {.pushed = at(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(now))),
         .bytes = 100,
         .records = 1,
         .caller = static_cast<std::uint16_t>(1 + i % 3)});
  }
  const Workload workload = read_back(trace);
  ASSERT_EQ(workload.sources.size(), 1U);
  const SourceSpec& source = workload.sources[0];
  EXPECT_EQ(source.name, "peers");
  EXPECT_EQ(source.call, Call::submit);
  EXPECT_EQ(source.spacing, Spacing::poisson);
  EXPECT_NEAR(units_in_all(workload, source), 2000, 10);
}

TEST(WorkloadOfATrace, HasATimerAsEvenArrivals) {
  Trace trace = trace_of_classes({{.name = "peers"}});
  for (int i = 0; i < 100; ++i) {
    trace.units.push_back({.pushed = at(10ms * i), .records = 1, .caller = 1});
  }
  EXPECT_EQ(read_back(trace).sources.at(0).spacing, Spacing::even);
}

// `threads` of them, each of which writes, waits for `busy`, and then idles.
Trace trace_of_writers(std::uint16_t threads, Duration busy, Duration idle, int writes = 100) {
  Trace trace = trace_of_classes({{.name = "peers"}});
  for (int i = 0; i < writes; ++i) {
    for (std::uint16_t caller = 1; caller <= threads; ++caller) {
      const TimePoint pushed = at(i * (busy + idle));
      trace.units.push_back({.pushed = pushed,
                             .left = pushed + busy,
                             .records = 1,
                             .caller = caller,
                             .caller_waits = true,
                             .served = true});
    }
  }
  return trace;
}

TEST(WorkloadOfATrace, HasThreadsThatWaitMostOfTheirTimeAsClosedOnes) {
  const SourceSpec source = read_back(trace_of_writers(5, 3ms, 1ms)).sources.at(0);
  EXPECT_EQ(source.callers, 5U);
  EXPECT_EQ(source.pause, Duration(1ms));
  EXPECT_EQ(source.call, Call::write);
}

TEST(WorkloadOfATrace, HasThreadsThatIdleBetweenTheirWritesAtTheirOwnRate) {
  const Workload workload = read_back(trace_of_writers(200, 1ms, 9ms));
  const SourceSpec& source = workload.sources.at(0);
  EXPECT_EQ(source.callers, 0U) << "it is open";
  EXPECT_EQ(source.call, Call::write);
  EXPECT_NEAR(units_in_all(workload, source), 20'000, 100);
  EXPECT_EQ(workload.callers, 200U);
}

TEST(WorkloadOfATrace, HasThreadsThatWaitForRoomAsClosedOnes) {
  Trace trace = trace_of_classes({{.name = "blobs"}});
  for (int i = 0; i < 100; ++i) {
    trace.units.push_back(
        {.pushed = at(2ms * i), .records = 1, .caller = 1, .waited_for_room = i % 2 == 1});
  }
  const SourceSpec source = read_back(trace).sources.at(0);
  EXPECT_EQ(source.callers, 1U);
  EXPECT_EQ(source.call, Call::submit);
}

TEST(WorkloadOfATrace, DoesNotTakeThreadsOneAfterTheOtherForAsManyAtOnce) {
  Trace trace = trace_of_writers(1, 3ms, 1ms);
  for (std::size_t i = 0; i < trace.units.size(); ++i) {
    trace.units[i].caller = static_cast<std::uint16_t>(1 + i / 10);
  }
  EXPECT_EQ(read_back(trace).sources.at(0).callers, 1U);
}

TEST(WorkloadOfATrace, HasAThreadForEachWriteAsAnOpenSource) {
  Trace trace = trace_of_writers(1, 3ms, 1ms);
  for (std::size_t i = 0; i < trace.units.size(); ++i) {
    trace.units[i].caller = static_cast<std::uint16_t>(1 + i);
  }
  EXPECT_TRUE(read_back(trace).sources.at(0).open());
}

TEST(WorkloadOfATrace, HasNoMoreThreadsThanAFileCanHave) {
  constexpr std::uint16_t kMany = 5000;
  const Workload idle = read_back(trace_of_writers(kMany, 10ms, 90ms, 9));
  EXPECT_GT(idle.callers, 1000U);
  EXPECT_LT(idle.callers, kMany);
  const Trace busy = trace_of_writers(kMany, 30ms, 10ms, 9);
  const std::uint64_t callers = read_back(busy).sources.at(0).callers;
  EXPECT_GT(callers, 1000U);
  EXPECT_LT(callers, kMany);
  expect_contains(text_of(busy), "and were 5000");
}

TEST(WorkloadOfATrace, KeepsTheMeanOfTheSizesAndTheirBounds) {
  Trace trace = trace_of_classes({{.name = "blobs"}});
  double sum = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t bytes = i % 4 == 0 ? 1000 : 200;
    sum += static_cast<double>(bytes);
    trace.units.push_back({.pushed = at(10ms * i), .bytes = bytes, .records = 1, .caller = 1});
  }
  const SourceSpec source = read_back(trace).sources.at(0);
  const double row = static_cast<double>(Row().integer(1).blob({}).bytes().size());
  EXPECT_NEAR(value_bytes(source) + row, sum / 100, 1);
  EXPECT_GE(static_cast<double>(source.rows[0].columns[1].bytes_min) + row, 200);
  EXPECT_LT(source.rows[0].columns[1].bytes_min, source.rows[0].columns[1].bytes_max);
}

TEST(WorkloadOfATrace, KeepsTheRowsOfGroupsAndTheirSizes) {
  Trace trace = trace_of_classes({{.name = "blobs"}});
  double rows = 0;
  const Row row = Row().integer(1).blob(std::vector<std::byte>(50));
  for (int i = 0; i < 100; ++i) {
    Group group;
    for (int j = 0; j < 3 + i % 4; ++j) group.add({}, row);
    rows += static_cast<double>(group.size());
    trace.units.push_back({.pushed = at(10ms * i),
                           .bytes = group.bytes().size(),
                           .records = static_cast<std::uint32_t>(group.size()),
                           .caller = 1,
                           .kind = UnitKind::group});
  }
  const Workload workload = read_back(trace);
  const SourceSpec& source = workload.sources.at(0);
  EXPECT_EQ(source.rows_per_unit(), 5U);
  EXPECT_NEAR(units_in_all(workload, source) * 5, rows, rows / 50);
  EXPECT_EQ(value_bytes(source), 50);
}

TEST(WorkloadOfATrace, HasJobsWithTheirSteps) {
  Trace trace = trace_of_classes({{.name = "sync"}});
  for (int i = 0; i < 100; ++i) {
    trace.units.push_back({.pushed = at(10ms * i),
                           .bytes = 2048,
                           .records = 1,
                           .steps = 7,
                           .caller = 1,
                           .kind = UnitKind::job,
                           .served = true});
  }
  const Workload workload = read_back(trace);
  const SourceSpec& source = workload.sources.at(0);
  EXPECT_EQ(source.job_units, 7U);
  EXPECT_EQ(source.job_bytes_per_step, 2048U);
  EXPECT_EQ(value_bytes(source), 2048);
  EXPECT_NEAR(units_in_all(workload, source), 100, 2) << "jobs";
}

TEST(WorkloadOfATrace, HasKeysThatComeAgainWhereUnitsWereSuperseded) {
  Trace trace = trace_of_classes({{.name = "identify", .coalesce = true}});
  // 20 wait at a time, and each fifth is superseded: as with a hundred keys.
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const bool superseded = i % 5 == 0;
    trace.units.push_back({.pushed = at(1ms * i),
                           .left = at(1ms * (i + 20)),
                           .records = 1,
                           .behind = superseded ? i + 1 : i,
                           .caller = 1,
                           .served = !superseded});
  }
  const auto row = read_back(trace).sources.at(0).rows.at(0);
  EXPECT_EQ(row.coalesce, std::vector<std::uint16_t>{0});
  EXPECT_EQ(row.columns[0].keys, Keys::random);
  EXPECT_NEAR(static_cast<double>(row.columns[0].of), 100, 1);
}

TEST(WorkloadOfATrace, JournalsWhatWasToBeJournaled) {
  Trace trace = trace_of_classes({{.name = "kept", .promise = Promise::journaled, .intake = true}});
  for (int i = 0; i < 10; ++i) {
    trace.units.push_back(
        {.pushed = at(10ms * i), .records = 1, .caller = 1, .promise = Promise::journaled});
  }
  EXPECT_EQ(read_back(trace).sources.at(0).call, Call::journal);
}

TEST(WorkloadOfATrace, HasASourceForEachCallSiteAndSaysWhichInAComment) {
  Trace trace = trace_of_classes({{.name = "peers"}, {.name = "peers_1"}});
  trace.sites[1] = "a line\n\"break\": */ \x1b[2J";
  for (int i = 0; i < 30; ++i) {
    trace.units.push_back({.pushed = at(10ms * i),
                           .records = 1,
                           .site = static_cast<std::uint32_t>(i % 2),
                           .caller = 1,
                           .write_class = static_cast<std::uint8_t>(i % 3 == 0)});
  }
  const Workload workload = read_back(trace);
  ASSERT_EQ(workload.sources.size(), 4U);
  std::set<std::string> names;
  for (const SourceSpec& each : workload.sources) names.insert(each.name);
  EXPECT_EQ(names.size(), 4U);
  expect_contains(text_of(trace), "peers.cc:40 save");
  expect_contains(text_of(trace), "\\x1b[2J");
}

TEST(WorkloadOfATrace, WithMoreCallSitesThanAFileHasSourcesHasOneForEachClass) {
  Trace trace = trace_of_classes({{.name = "peers"}});
  trace.sites.resize(kSourcesMax + 1, "site");
  for (std::uint32_t i = 0; i < 500; ++i) {
    trace.units.push_back({.pushed = at(1ms * i),
                           .records = 1,
                           .site = static_cast<std::uint32_t>(i % trace.sites.size()),
                           .caller = 1});
  }
  EXPECT_EQ(read_back(trace).sources.size(), 1U);
  expect_contains(text_of(trace), "Call sites: with them there were more than 64 sources.");
}

TEST(WorkloadOfATrace, SaysWhatIsLeftOut) {
  Trace trace = trace_of_classes({{.name = "peers"}});
  trace.damage = "the block at byte 4096 is damaged";
  for (int i = 0; i < 10; ++i) {
    trace.units.push_back({.pushed = at(100s * i),
                           .records = 1,
                           .site = i == 5 ? 1U : 0U,
                           .caller = 1,
                           .promise = i == 3 ? Promise::durable : Promise::committed});
  }
  trace.units.push_back({.pushed = at(1s), .records = 0});
  for (int i = 0; i < 100; ++i) trace.units.push_back({.pushed = at(9s * i), .records = 1});
  const std::string text = text_of(trace);
  expect_contains(text, "Flushes: 1.");
  expect_contains(text, "1 units were to be durable");
  expect_contains(text, "Sources with less than a push in 100 s: 1.");
  expect_contains(text, "the block at byte 4096 is damaged");
  EXPECT_EQ(parse_workload(text).sources.size(), 1U);
}

// Sizes, times and shapes beyond all that a journal takes.
TEST(WorkloadOfATrace, OfWhateverKindIsOneThatTheBenchmarkReads) {
  std::mt19937_64 random(3);
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  for (int run = 0; run < 100; ++run) {
    std::vector<ClassOptions> classes(1 + below(kClassesMax));
    for (std::size_t i = 0; i < classes.size(); ++i) {
      classes[i].name = "c" + std::to_string(i);
      classes[i].coalesce = below(3) == 0;
    }
    Trace trace = trace_of_classes(std::move(classes));
    trace.drive = below(2) == 0 ? Drive::thread : Drive::manual;
    const std::uint64_t span = std::uint64_t{1} << below(60), size = std::uint64_t{1} << below(42);
    const std::uint64_t callers = 1 + below(below(2) == 0 ? 3 : 60'000);
    for (std::uint64_t i = 1 + below(300); i > 0; --i) {
      TracedUnit unit{.pushed = at(Duration(below(span))),
                      .bytes = below(size),
                      .records = static_cast<std::uint32_t>(below(std::uint64_t{1} << below(32))),
                      .site = static_cast<std::uint32_t>(below(3)),
                      .steps = static_cast<std::uint32_t>(below(std::uint64_t{1} << below(32))),
                      .behind = static_cast<std::uint32_t>(below(300)),
                      .caller = static_cast<std::uint16_t>(below(callers)),
                      .write_class = static_cast<std::uint8_t>(below(trace.budgets.classes.size())),
                      .kind = static_cast<UnitKind>(below(3)),
                      .caller_waits = below(2) == 0,
                      .waited_for_room = below(20) == 0,
                      .served = below(2) == 0};
      if (below(10) != 0) unit.left = unit.pushed + Duration(below(span));
      trace.units.push_back(unit);
    }
    const RecordedLoad load = load_of(trace);
    if (load.sources.empty()) continue;
    const std::string text = workload_text(trace, load, "any.trace");
    EXPECT_EQ(complaint([&] { (void)parse_workload(text); }), "") << text.substr(0, 4000);
  }
}

class WorkloadCommand : public test::TracedLane {
 protected:
  std::string trace_with(std::int64_t rows) {
    open_traced();
    test::Writes peers = add_class("peers");
    for (std::int64_t key = 1; key <= rows; ++key) {
      peers.push(key);
      advance(10ms);
    }
    run_ticks();
    (void)close_and_read();
    return path_;
  }
  const std::string output_ = directory_ / "workload.json";
};

TEST_F(WorkloadCommand, WritesAFileThatTheBenchmarkReads) {
  EXPECT_EQ(run({"workload", trace_with(200), "--output", output_}), kit::kExitOk);
  std::ifstream file(output_);
  const Workload workload = parse_workload(std::string{std::istreambuf_iterator<char>(file), {}});
  ASSERT_EQ(workload.sources.size(), 1U);
  EXPECT_EQ(workload.name, "trace1");
  EXPECT_NEAR(workload.sources[0].per_second, 100, 1);
  EXPECT_EQ(workload.journal.commit_percent, JournalOptions().commit_percent)
      << "that of a manual journal has no meaning";
}

TEST_F(WorkloadCommand, OfATraceWithoutUnitsSaysWhatIsNeeded) {
  const std::string empty = trace_with(0);
  const std::string said = complaint([&] { run({"workload", empty, "--output", output_}); });
  expect_contains(said, empty + ": 0 units are recorded");
  expect_contains(said, "a workload needs a trace of a journal that was written to");
  EXPECT_FALSE(std::filesystem::exists(output_)) << "nothing is written over";
}

TEST_F(WorkloadCommand, SaysWhatCannotBeReadOrWritten) {
  const std::string trace = trace_with(10);
  expect_contains(
      complaint([&] {
        run({"workload", trace, "--output", directory_ / "none/x"});
      }),
      "none/x': No such file or directory; it must be a file in a folder that is there");
  expect_contains(complaint([&] {
                    run({"workload", trace, "--output", ""});
                  }),
                  "--output: '' is no file");
  expect_contains(complaint([&] {
                    run({"workload", trace, "--output", "/dev/full"});
                  }),
                  "cannot write to '/dev/full': No space left on device");
  expect_contains(complaint([&] { run({"workload", directory_ / "none"}); }), "cannot be read");
  std::filesystem::resize_file(trace, 40);
  expect_contains(complaint([&] { run({"workload", trace}); }), "the trace is empty");
}

}  // namespace
}  // namespace onelane::tools
