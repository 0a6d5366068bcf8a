// What validate() refuses, and that its messages name the option, its value and what would be
// right.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "onelane/options.h"

namespace onelane {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;
using std::chrono::seconds;

using JournalChange = std::function<void(JournalOptions&)>;
using ClassChange = std::function<void(ClassOptions&)>;

std::string complaint(const JournalChange& change) {
  JournalOptions options;
  change(options);
  const Status status = validate(options);
  EXPECT_TRUE(status.ok() || status.code() == Errc::invalid_argument);
  return status.message();
}

std::string class_complaint(const ClassChange& change) {
  ClassOptions options{.name = "peers"};
  change(options);
  const Status status = validate(options);
  EXPECT_TRUE(status.ok() || status.code() == Errc::invalid_argument);
  return status.message();
}

TEST(JournalOptionsLimits, TheDefaultsAndBothEndsOfEachRangeAreRight) {
  EXPECT_EQ(complaint([](auto&) {}), "");
  EXPECT_EQ(complaint([](auto& o) { o.tick = {1, 4 * kKiB, nanoseconds(100'000)}; }), "");
  EXPECT_EQ(complaint([](auto& o) { o.tick = {.hold = nanoseconds(20'000'000)}; }), "");
  EXPECT_EQ(complaint([](auto& o) { o.file_mode = std::filesystem::perms(0640); }), "");
  EXPECT_EQ(complaint([](auto& o) { o.migrations = {{1, "a", {}}, {3, "b", {}}}; }), "");
  EXPECT_EQ(complaint([](auto& o) { o.tick = {1'000'000, 1024 * kMiB, seconds(10)}; }), "");
  EXPECT_EQ(complaint([](auto& o) { o.close_timeout = Duration(0); }), "");
  EXPECT_EQ(complaint([](auto& o) { o.wal_limit_bytes = kMiB; }), "");
  EXPECT_EQ(complaint([](auto& o) { o.wal_limit_bytes = kMiB * kMiB; }), "");
}

TEST(JournalOptionsLimits, EachWrongValueIsNamedWithWhatWouldBeRight) {
  const std::vector<std::pair<JournalChange, std::string>> cases{
      {[](auto& o) { o.file_mode = std::filesystem::perms(0440); },
       "file-mode is 0440; it must be 0600 to 0666: the owner must be allowed to read and write, "
       "and nobody to execute"},
      {[](auto& o) { o.file_mode = std::filesystem::perms(0700); },
       "file-mode is 0700; it must be 0600 to 0666: the owner must be allowed to read and write, "
       "and nobody to execute"},
      {[](auto& o) {
         o.migrations = {{0, "a", {}}};
       },
       "migrations: version 0 comes after 0; versions must be above 0, and ascend"},
      {[](auto& o) {
         o.migrations = {{2, "a", {}}, {2, "b", {}}};
       },
       "migrations: version 2 comes after 2; versions must be above 0, and ascend"},
      {[](auto& o) {
         o.migrations = {{1, "", {}}};
       },
       "migrations: version 1 has neither SQL nor a step"},
      {[](auto& o) { o.tick.records = 1'000'001; },
       "tick.records is 1000001; it must be 1 to 1000000"},
      {[](auto& o) { o.tick.bytes = 4095; }, "tick.bytes is 4095; it must be 4KiB to 1GiB"},
      {[](auto& o) { o.tick.bytes = 1024 * kMiB + 1; },
       "tick.bytes is 1073741825; it must be 4KiB to 1GiB"},
      {[](auto& o) { o.tick.hold = Duration(99'999); },
       "tick.hold is 99999ns; it must be 100us to 10s"},
      {[](auto& o) { o.tick.hold = seconds(11); }, "tick.hold is 11s; it must be 100us to 10s"},
      {[](auto& o) { o.close_timeout = Duration(-1); },
       "close-timeout is -1ns; it must be 0 to 365d"},
      {[](auto& o) { o.ballast_bytes = kMiB * kMiB + 1; },
       "ballast is 1099511627777; it must be 0 to 1TiB"},
      {[](auto& o) { o.wal_limit_bytes = kMiB - 1; },
       "wal-limit is 1048575; it must be 1MiB to 1TiB"},
      {[](auto& o) { o.wal_limit_bytes = kMiB * kMiB + 1; },
       "wal-limit is 1099511627777; it must be 1MiB to 1TiB"},
      {[](auto& o) { o.commit_percent = 101; }, "commit-percent is 101; it must be 0 to 100"},
      {[](auto& o) { o.watermark_table = "a b"; },
       "watermark-table is a b; it must be 1 to 64 letters, digits and _, no digit or sqlite_ "
       "first; or empty: none"},
      {[](auto& o) { o.drive = static_cast<Drive>(7); }, "drive is 7; it must be thread or manual"},
      {[](auto& o) { o.intake.segment_bytes = 64 * kKiB + 1; },
       "intake.segment is 65537; it must be 64KiB to 1GiB, a multiple of 4KiB"},
      {[](auto& o) { o.intake.most_bytes = kMiB; },
       "intake.most is 1MiB; it must be at least 16MiB, two of intake.segment"},
      {[](auto& o) { o.intake.positions = ""; },
       "intake.positions is empty; it must be 1 to 64 letters, digits and _, no digit or sqlite_ "
       "first"},
      {[](auto& o) { o.intake.dead_letters = "onelane_intake"; },
       "intake.dead-letters is onelane_intake; it must be another table than intake.positions"},
  };
  for (const auto& [change, expected] : cases) EXPECT_EQ(complaint(change), expected);
}

TEST(ClassOptionsLimits, EachWrongValueIsNamedWithItsClassAndWhatWouldBeRight) {
  const std::vector<std::pair<ClassChange, std::string>> cases{
      {[](auto& o) { o.interval = seconds(-1); }, "interval is -1s; it must be 0 to 365d"},
      {[](auto& o) { o.max_delay = seconds(1), o.interval = seconds(2); },
       "interval is 2s; it must be at most 1s, as max-delay is"},
      {[](auto& o) { o.guarantee.records = 0; }, "guarantee.records is 0; it must be 1 to 1000000"},
      {[](auto& o) { o.guarantee.bytes = 0; }, "guarantee.bytes is 0; it must be 1 to 1GiB"},
      {[](auto& o) { o.budget.records = 1'000'001; },
       "budget.records is 1000001; it must be 0 to 1000000"},
      {[](auto& o) { o.budget.bytes = 1024 * kMiB + 1; },
       "budget.bytes is 1073741825; it must be 0 to 1GiB"},
      {[](auto& o) { o.budget.hold = Duration(-1); }, "budget.hold is -1ns; it must be 0 to 10s"},
      {[](auto& o) { o.weight = 0; }, "weight is 0; it must be 1 to 1000"},
      {[](auto& o) { o.weight = 1001; }, "weight is 1001; it must be 1 to 1000"},
      {[](auto& o) { o.max_delay = Duration(-1); }, "max-delay is -1ns; it must be 0 to 365d"},
      {[](auto& o) { o.gather = hours(24 * 366); }, "gather is 366d; it must be 0 to 365d"},
      {[](auto& o) { o.capacity_records = 0; }, "capacity-records is 0; it must be 1 to 100000000"},
      {[](auto& o) { o.capacity_bytes = 0; }, "capacity-bytes is 0; it must be 4KiB to 1TiB"},
      {[](auto& o) { o.block_timeout = Duration(-1); },
       "block-timeout is -1ns; it must be 0 to 365d"},
      {[](auto& o) { o.when_full = static_cast<WhenFull>(9); },
       "when-full is 9; it must be block, reject or drop-oldest"},
      {[](auto& o) { o.promise = Promise::journaled; },
       "promise is journaled; it must be committed or durable, or intake on"},
      {[](auto& o) { o.intake = true, o.when_full = WhenFull::drop_oldest; },
       "when-full is drop-oldest; it must be block or reject with an intake, which drops nothing "
       "that it has written"},
  };
  EXPECT_EQ(class_complaint([](auto&) {}), "");
  for (const auto& [change, expected] : cases) {
    EXPECT_EQ(class_complaint(change), "class \"peers\": " + expected);
  }
}

// As options.h says.
TEST(ClassOptionsLimits, BothEndsOfEachRangeAreRight) {
  EXPECT_EQ(class_complaint([](auto& o) { o.guarantee = {1, 1}; }), "");
  EXPECT_EQ(class_complaint([](auto& o) { o.guarantee = {1'000'000, 1024 * kMiB}; }), "");
  EXPECT_EQ(class_complaint([](auto& o) { o.budget = {1'000'000, 1024 * kMiB, seconds(10)}; }), "");
  for (const std::uint32_t weight : {1U, 1000U}) {
    EXPECT_EQ(class_complaint([&](auto& o) { o.weight = weight; }), "");
  }
  for (const Duration time : {Duration(0), Duration(hours(24 * 365))}) {
    EXPECT_EQ(class_complaint([&](auto& o) { o.max_delay = o.gather = o.block_timeout = time; }),
              "");
  }
  EXPECT_EQ(class_complaint([](auto& o) { o.capacity_records = 1; }), "");
  EXPECT_EQ(class_complaint([](auto& o) { o.capacity_records = 100'000'000; }), "");
  EXPECT_EQ(class_complaint([](auto& o) { o.capacity_bytes = 4 * kKiB; }), "");
  EXPECT_EQ(class_complaint([](auto& o) { o.capacity_bytes = kMiB * kMiB; }), "");
}

TEST(ClassOptionsLimits, ANameIsPlainAndShort) {
  const auto named = [](const std::string& name) {
    return class_complaint([&](ClassOptions& o) { o.name = name; });
  };
  EXPECT_EQ(named("a-z_09"), "");
  EXPECT_EQ(named(std::string(64, 'x')), "");
  for (const std::string& bad : {std::string(), std::string("Peers"), std::string("a b"),
                                 std::string(65, 'x'), std::string("\xc3\xa4")}) {
    EXPECT_EQ(named(bad),
              "class name \"" + bad + "\": it must be 1 to 64 characters of a-z, 0-9, _ and -");
  }
}

}  // namespace
}  // namespace onelane
