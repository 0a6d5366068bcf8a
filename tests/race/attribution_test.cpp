// Many threads push from places that the journal has not seen before, while others ask for
// statistics, journeys and health: every unit is counted at its own place, once.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "tests/support/plain_sink.h"
#include "tests/support/scale.h"

namespace onelane::test {
namespace {

constexpr std::size_t kProducers = 6;
constexpr std::size_t kPlaces = 60;  // of each of two classes: all are told apart
constexpr std::size_t kRecords = scaled(30'000);

class AttributionRace : public ::testing::Test {
 protected:
  AttributionRace() {
    Result<Journal> opened = Journal::open(std::make_unique<PlainSink>());
    EXPECT_TRUE(opened.ok());
    journal_ = *std::move(opened);
    classes_.push_back(*journal_.add_class({.name = "peers"}));
    classes_.push_back(*journal_.add_class({.name = "keyed", .coalesce = true}));
    statement_ = *journal_.add_statement({"", {{ColumnType::integer}}, {0}});
  }
  // The n-th record of a producer goes to a class, from a place, by these.
  static std::size_t class_of(std::size_t n) { return n % 2; }
  static std::size_t place_of(std::size_t n) { return n / 2 % kPlaces; }

  void produce(std::size_t producer) {
    for (std::size_t n = 0; n < kRecords; ++n) {
      Row row;
      row.integer(static_cast<std::int64_t>(producer * kRecords + n));
      const std::string place = "place " + std::to_string(place_of(n));
      const PushOptions options{.site = place};
      Result<Receipt> receipt = classes_[class_of(n)].submit(statement_, row, options);
      ASSERT_TRUE(receipt.ok()) << receipt.status().to_string();
      if (n % 64 != 0) continue;
      ASSERT_TRUE(receipt->wait()->committed());
      if (const std::optional<Journey> journey = receipt->journey()) {
        journeys_.fetch_add(1);
        EXPECT_GE(journey->waited, Duration(0));
        EXPECT_EQ(journey->behind.classes.size(), 2U);
      }
    }
  }
  void look() {
    JournalStats before = journal_.stats();
    while (!done_.load()) {
      JournalStats now = journal_.stats();
      const JournalStats between = now.since(before);
      for (const ClassStats& each : between.classes) {
        EXPECT_LE(each.total_ns.count(), 2 * kProducers * kRecords);
      }
      EXPECT_LE(now.call_sites.size(), 2 * kPlaces);
      EXPECT_TRUE(journal_.health().ok());
      before = std::move(now);
    }
  }

  Journal journal_;
  std::vector<WriteClass> classes_;
  Statement statement_;
  std::atomic<bool> done_{false};
  std::atomic<std::uint64_t> journeys_{0};
};

TEST_F(AttributionRace, EveryUnitIsCountedOnceAtItsPlace) {
  std::vector<std::thread> producers;
  for (std::size_t i = 0; i < kProducers; ++i) producers.emplace_back([this, i] { produce(i); });
  std::thread reader([this] { look(); });
  for (std::thread& each : producers) each.join();
  ASSERT_TRUE(journal_.flush().ok());
  done_ = true;
  reader.join();

  const JournalStats stats = journal_.stats();
  ASSERT_EQ(stats.call_sites.size(), 2 * kPlaces);
  std::vector<std::uint64_t> expected(2 * kPlaces);
  for (std::size_t n = 0; n < kRecords; ++n) {
    expected[class_of(n) * kPlaces + place_of(n)] += kProducers;
  }
  for (const CallSiteStats& site : stats.call_sites) {
    const std::size_t place = std::stoul(site.label.substr(6));
    const std::uint64_t units = expected[site.write_class * kPlaces + place];
    EXPECT_EQ(site.all.ended, units) << site.label;
    EXPECT_EQ(site.all.offered, units) << site.label;
  }
  for (const ClassStats& each : stats.classes) {
    EXPECT_EQ(each.total_ns.count(), kProducers * kRecords / 2);
    EXPECT_EQ(each.accepted, kProducers * kRecords / 2);
  }
  EXPECT_GT(journeys_.load(), 0U);
}

}  // namespace
}  // namespace onelane::test
