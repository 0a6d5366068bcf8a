// onelane plan, and the library's worst_waits: held against the scheduler, which is what it speaks
// of.
#include <gtest/gtest.h>

#include "onelane/plan.h"
#include "onelane/testing.h"
#include "tests/support/lane.h"
#include "tests/support/tool.h"
#include "tools/kit/errors.h"
#include "tools/plan.h"

namespace onelane {
namespace {

using namespace std::chrono_literals;
using test::complaint;
using test::expect_contains;
using test::ok;
using test::Writes;
using tools::ClassCost;
using tools::LaneWaits;
using tools::parse_cost;
using tools::PlanInput;
using tools::waits_of;

std::string why_not(const std::vector<PlannedClass>& classes, const JournalOptions& journal = {}) {
  return worst_waits(journal, classes).status().message();
}

TEST(WorstWaits, AreThoseThatARunningJournalTells) {
  const ClassOptions peers{.name = "peers", .guarantee = {.records = 32}, .capacity_records = 5000};
  const ClassOptions blobs{.name = "blobs", .guarantee = {.records = 8, .bytes = 1000}};
  Journal journal = ok(
      Journal::open(std::make_unique<testing::MemorySink>(std::make_shared<testing::MemoryStore>()),
                    {.drive = Drive::manual}));
  auto first = ok(journal.add_class(peers));
  auto second = ok(journal.add_class(blobs));
  const auto waits =
      ok(worst_waits({}, std::vector<PlannedClass>{{.options = peers}, {.options = blobs}}));
  const JournalStats stats = journal.stats();
  ASSERT_EQ(waits.size(), 2U);
  EXPECT_EQ(waits[0].last_ticks, stats.classes[0].worst_wait_ticks);
  EXPECT_EQ(waits[1].last_ticks, stats.classes[1].worst_wait_ticks);
}

TEST(WorstWaits, OfAUnitLargerThanItsGuaranteeAreItsCreditAndATickForEachRival) {
  const Waiting large{.records = 64, .largest_records = 64};
  const std::vector<PlannedClass> classes = {{.options = {.name = "a"}, .waiting = large},
                                             {.options = {.name = "b"}},
                                             {.options = {.name = "c"}}};
  EXPECT_EQ(ok(worst_waits({}, classes))[0].first_ticks, 64U / 16U + 2U);
}

TEST(WorstWaits, OfOptionsThatNoJournalTakesAreRefused) {
  expect_contains(why_not({{.options = {.name = "no name"}}}), "no name");
  expect_contains(why_not({{.options = {.name = "a"}}, {.options = {.name = "a"}}}),
                  "class \"a\": there is another one of that name");
  expect_contains(why_not({{.options = {.name = "a", .guarantee = {.records = 4000}}},
                           {.options = {.name = "b", .guarantee = {.records = 97}}}}),
                  "class \"b\": its guarantee (97 records, 65536 bytes) does not fit the tick");
  expect_contains(why_not({{.options = {.name = "a"}}}, {.tick = {.hold = 1us}}), "hold");
  expect_contains(
      why_not({{.options = {.name = "a"}, .waiting = Waiting{.records = 4, .largest_records = 5}}}),
      "of 4 waiting records the largest unit has 5");
  expect_contains(why_not({{.options = {.name = "a"}, .waiting = Waiting{.bytes = 0}}}), "bytes");
}

// ---- against the scheduler

struct Contest {
  std::uint64_t peers_guarantee = 16;
  std::uint64_t blobs_guarantee = 48;
  std::int64_t waiting = 160;    // records of peers
  std::size_t records_each = 1;  // of a unit of peers
};

// Both classes have a backlog and the guarantees are the whole tick, so that peers gets nothing
// but its guarantee.
class AgainstTheScheduler : public test::QuietLane {
 protected:
  static constexpr std::int64_t kBlobs = 4000;

  // Ticks until the last unit of peers is settled, and in `bound` what is promised.
  std::uint64_t ticks(const Contest& contest, std::uint64_t& bound) {
    const ClassOptions peers_options{
        .name = "peers", .guarantee = {.records = contest.peers_guarantee, .bytes = 4096}};
    const ClassOptions blobs_options{
        .name = "blobs",
        .guarantee = {.records = contest.blobs_guarantee, .bytes = 4096},
        .weight = 1000};
    const JournalOptions journal{
        .tick = {.records = contest.peers_guarantee + contest.blobs_guarantee, .bytes = kMiB}};
    open(journal);
    Writes peers = add_class("peers", peers_options);
    Writes blobs = add_class("blobs", blobs_options);
    blobs.push_all(1, kBlobs);
    std::vector<Receipt> receipts;
    for (std::int64_t key = 1; key <= contest.waiting;) {
      std::vector<std::int64_t> keys;
      while (keys.size() < contest.records_each) keys.push_back(key++);
      receipts.push_back(peers.submit_group(keys));
    }
    const std::uint64_t row_bytes = Row().integer(1).bytes().size();
    const auto records = static_cast<std::uint64_t>(contest.waiting);
    const Waiting waiting{.records = records,
                          .bytes = records * row_bytes,
                          .largest_records = contest.records_each,
                          .largest_bytes = contest.records_each * row_bytes};
    const std::vector<PlannedClass> classes = {{.options = peers_options, .waiting = waiting},
                                               {.options = blobs_options}};
    bound = ok(worst_waits(journal, classes))[0].last_ticks;
    std::uint64_t count = 0;
    while (end_of(receipts.back()) == "in flight") {
      tick();
      if (++count > 10'000) break;
    }
    return count;
  }
};

TEST_F(AgainstTheScheduler, AQueueOfSingleRecordsTakesExactlyItsBound) {
  std::uint64_t bound = 0;
  EXPECT_EQ(ticks({}, bound), 10U);
  EXPECT_EQ(bound, 10U);
}

TEST_F(AgainstTheScheduler, UnitsOfOddSizesTakeNoLongerThanTheirBound) {
  for (const std::size_t each : {2U, 3U, 5U, 7U, 11U, 15U, 16U}) {
    std::uint64_t bound = 0;
    const std::uint64_t count = ticks({.waiting = 165, .records_each = each}, bound);
    EXPECT_LE(count, bound) << each;
    EXPECT_GE(count * 2, bound) << each << " records: the bound says little";
  }
}

TEST_F(AgainstTheScheduler, UnitsLargerThanTheirGuaranteeTakeNoLongerThanTheirBound) {
  for (const std::size_t each : {17U, 40U, 64U}) {
    std::uint64_t bound = 0;
    const std::uint64_t count =
        ticks({.waiting = static_cast<std::int64_t>(4 * each), .records_each = each}, bound);
    EXPECT_LE(count, bound) << each;
  }
}

// ---- in time

LaneWaits waits(PlanInput input) {
  input.costs.resize(input.classes.size());
  return waits_of(input);
}

TEST(WaitsInTime, AreTicksOfTheBudgetsHold) {
  const LaneWaits out = waits(
      {.journal = {.tick = {.hold = 5ms}},
       .classes = {{.options = {.name = "a"}, .waiting = Waiting{.records = 160, .bytes = 160}}}});
  EXPECT_EQ(out.longest, 5ms);
  EXPECT_EQ(out.classes[0].ticks.last_ticks, 10U);
  EXPECT_EQ(out.classes[0].last, 50ms);
  EXPECT_EQ(out.classes[0].first, 5ms);
}

TEST(WaitsInTime, GrowWhereTheGuaranteesCostMoreThanTheHold) {
  PlanInput input{.journal = {.tick = {.hold = 5ms}},
                  .classes = {{.options = {.name = "a", .guarantee = {.records = 100}}},
                              {.options = {.name = "b", .guarantee = {.records = 10}}}},
                  .costs = {ClassCost{.record_ns = 100e3}, ClassCost{.record_ns = 200e3}},
                  .commit = 1ms};
  EXPECT_EQ(waits_of(input).longest, 1ms + 10ms + 2ms);
  EXPECT_EQ(waits_of(input).hold, 5ms);
}

TEST(WaitsInTime, CountAUnitThatIsLargerThanItsGuaranteeWhole) {
  PlanInput input{.journal = {.tick = {.hold = 1ms}},
                  .classes = {{.options = {.name = "a"},
                               .waiting = Waiting{.records = 100,
                                                  .bytes = 100,
                                                  .largest_records = 100,
                                                  .largest_bytes = 100}}},
                  .costs = {ClassCost{.record_ns = 1e6}}};
  EXPECT_EQ(waits_of(input).longest, 16ms + 100ms);
}

TEST(WaitsInTime, AddAClassesOwnWindowOnceAndItsIntervalToEachTick) {
  const Waiting waiting{.records = 32, .bytes = 32};
  const LaneWaits out =
      waits({.journal = {.tick = {.hold = 1ms}},
             .classes = {{.options = {.name = "a", .gather = 7ms}, .waiting = waiting},
                         {.options = {.name = "b", .interval = 20ms}, .waiting = waiting}}});
  EXPECT_EQ(out.classes[0].last, 7ms + 2 * 1ms);
  EXPECT_EQ(out.classes[1].last, 2 * (20ms + 1ms));
}

TEST(WaitsInTime, StayNumbersWhateverTheyCost) {
  PlanInput input{.classes = {{.options = {.name = "a",
                                           .capacity_records = 100'000'000,
                                           .capacity_bytes = kMiB * kMiB}}},
                  .costs = {ClassCost{.record_ns = 1e12, .byte_ns = 1e12}}};
  EXPECT_GT(waits_of(input).longest, 1h);
  EXPECT_GT(waits_of(input).classes[0].last, 24h * 365);
}

TEST(CostsAsText, AreANumberWithAUnitForARecordAndAByte) {
  EXPECT_EQ(parse_cost("record=20us,byte=2ns").record_ns, 20e3);
  EXPECT_EQ(parse_cost("record=20us,byte=2ns").byte_ns, 2);
  EXPECT_EQ(parse_cost("byte=500ps").byte_ns, 0.5);
  EXPECT_EQ(parse_cost("byte=0.5ns").byte_ns, 0.5);
}

TEST(CostsAsText, ThatAreNoneAreNamed) {
  const auto said = [](const char* text) { return complaint([text] { parse_cost(text); }); };
  for (const char* wrong : {"record=", "record=5", "record=us", "record=-1us", "record=1s",
                            "record=nanus", "record=1e30ms", "record=infns"}) {
    expect_contains(said(wrong), "is not a cost: a number of 0 or more with ps, ns, us or ms");
  }
  expect_contains(said("rows=5us"), "'rows=5us' is no cost; there are record=TIME and byte=TIME");
  expect_contains(said(""), "'' is no cost");
}

}  // namespace
}  // namespace onelane
