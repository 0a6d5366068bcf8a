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
       "file_mode is 0440; the owner must be allowed to read and write, and nobody to execute"},
      {[](auto& o) { o.file_mode = std::filesystem::perms(0700); },
       "file_mode is 0700; the owner must be allowed to read and write, and nobody to execute"},
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
      {[](auto& o) { o.tick.bytes = 4095; }, "tick.bytes is 4095; it must be 4096 to 1073741824"},
      {[](auto& o) { o.tick.bytes = 1024 * kMiB + 1; },
       "tick.bytes is 1073741825; it must be 4096 to 1073741824"},
      {[](auto& o) { o.tick.hold = Duration(99'999); },
       "tick.hold is 99999 ns; it must be 100000 ns to 10000000000 ns"},
      {[](auto& o) { o.tick.hold = seconds(11); },
       "tick.hold is 11000000000 ns; it must be 100000 ns to 10000000000 ns"},
      {[](auto& o) { o.close_timeout = Duration(-1); },
       "close_timeout is -1 ns; it must be 0 ns to 31536000000000000 ns"},
      {[](auto& o) { o.ballast_bytes = kMiB * kMiB + 1; },
       "ballast_bytes is 1099511627777; it must be 0 to 1099511627776"},
      {[](auto& o) { o.wal_limit_bytes = kMiB - 1; },
       "wal_limit_bytes is 1048575; it must be 1048576 to 1099511627776"},
      {[](auto& o) { o.wal_limit_bytes = kMiB * kMiB + 1; },
       "wal_limit_bytes is 1099511627777; it must be 1048576 to 1099511627776"},
  };
  for (const auto& [change, expected] : cases) EXPECT_EQ(complaint(change), expected);
}

TEST(ClassOptionsLimits, EachWrongValueIsNamedWithItsClassAndWhatWouldBeRight) {
  const std::vector<std::pair<ClassChange, std::string>> cases{
      {[](auto& o) { o.interval = seconds(-1); },
       "interval is -1000000000 ns; it must be 0 ns to 31536000000000000 ns"},
      {[](auto& o) { o.max_delay = seconds(1), o.interval = seconds(2); },
       "interval is 2000000000 ns; it must be 0 ns to 1000000000 ns"},
      {[](auto& o) { o.guarantee.records = 0; }, "guarantee.records is 0; it must be 1 to 1000000"},
      {[](auto& o) { o.guarantee.bytes = 0; }, "guarantee.bytes is 0; it must be 1 to 1073741824"},
      {[](auto& o) { o.budget.records = 1'000'001; },
       "budget.records is 1000001; it must be 0 to 1000000"},
      {[](auto& o) { o.budget.bytes = 1024 * kMiB + 1; },
       "budget.bytes is 1073741825; it must be 0 to 1073741824"},
      {[](auto& o) { o.budget.hold = Duration(-1); },
       "budget.hold is -1 ns; it must be 0 ns to 10000000000 ns"},
      {[](auto& o) { o.weight = 0; }, "weight is 0; it must be 1 to 1000"},
      {[](auto& o) { o.weight = 1001; }, "weight is 1001; it must be 1 to 1000"},
      {[](auto& o) { o.max_delay = Duration(-1); },
       "max_delay is -1 ns; it must be 0 ns to 31536000000000000 ns"},
      {[](auto& o) { o.gather = hours(24 * 366); },
       "gather is 31622400000000000 ns; it must be 0 ns to 31536000000000000 ns"},
      {[](auto& o) { o.capacity_records = 0; }, "capacity_records is 0; it must be 1 to 100000000"},
      {[](auto& o) { o.capacity_bytes = 0; },
       "capacity_bytes is 0; it must be 4096 to 1099511627776"},
      {[](auto& o) { o.block_timeout = Duration(-1); },
       "block_timeout is -1 ns; it must be 0 ns to 31536000000000000 ns"},
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
