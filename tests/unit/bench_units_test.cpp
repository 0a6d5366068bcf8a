#include <fmt/format.h>
#include <gtest/gtest.h>

#include "bench/kit/errors.h"
#include "bench/kit/units.h"

namespace onelane::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;

template <class Parse>
std::string complaint(Parse parse, std::string_view text) {
  try {
    parse(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(BenchUnits, ADurationIsANumberWithAUnit) {
  EXPECT_EQ(parse_duration("20ms"), milliseconds(20));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_duration("250us"), microseconds(250));
  EXPECT_EQ(parse_duration("7ns"), Nanoseconds(7));
  EXPECT_EQ(parse_duration("2m"), minutes(2));
  EXPECT_EQ(parse_duration("0"), Nanoseconds(0));
}

TEST(BenchUnits, ADurationWithoutAKnownUnitIsRefusedWithARightOne) {
  for (const char* text : {"20", "ms", "", "20 ms", "-1ms", "1.2.3s", "20msx", "9999999999s"}) {
    std::string said = complaint(parse_duration, text);
    EXPECT_NE(said.find(fmt::format("'{}'", text)), std::string::npos) << text << ": " << said;
    EXPECT_NE(said.find("20ms"), std::string::npos) << text << ": " << said;
  }
}

TEST(BenchUnits, ASizeIsANumberWithABinaryUnit) {
  EXPECT_EQ(parse_size("512B"), 512U);
  EXPECT_EQ(parse_size("512"), 512U);
  EXPECT_EQ(parse_size("64MiB"), 64U << 20);
  EXPECT_EQ(parse_size("0.5KiB"), 512U);
  EXPECT_EQ(parse_size("1GiB"), 1U << 30);
  for (const char* text : {"64MB", "64mib", "MiB", ""}) {
    EXPECT_NE(complaint(parse_size, text).find("64MiB"), std::string::npos) << text;
  }
}

TEST(BenchUnits, ACountIsDigitsOnly) {
  EXPECT_EQ(parse_count("0"), 0U);
  EXPECT_EQ(parse_count("18446744073709551615"), 18446744073709551615U);
  for (const char* text : {"", "-1", "1k", "1.5", " 1", "18446744073709551616"}) {
    EXPECT_NE(complaint(parse_count, text), "") << text;
  }
}

TEST(BenchUnits, WhatIsShownCanBeParsedAgain) {
  for (Nanoseconds value : {Nanoseconds(0), Nanoseconds(1), Nanoseconds(milliseconds(20)),
                            Nanoseconds(milliseconds(1500)), Nanoseconds(minutes(3))}) {
    EXPECT_EQ(parse_duration(format_duration(value)), value) << format_duration(value);
  }
  for (std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{100}, std::uint64_t{64} << 20}) {
    EXPECT_EQ(parse_size(format_size(bytes)), bytes) << format_size(bytes);
  }
}

TEST(BenchUnits, FiguresShowThreeDigitsThatMeanSomething) {
  EXPECT_EQ(format_ms(0.1234), "0.123");
  EXPECT_EQ(format_ms(1.234), "1.23");
  EXPECT_EQ(format_ms(12.34), "12.3");
  EXPECT_EQ(format_ms(8301.4), "8301");
  EXPECT_EQ(format_count(7), "7");
  EXPECT_EQ(format_count(123), "123");
  EXPECT_EQ(format_count(1234567), "1,234,567");
}

}  // namespace
}  // namespace onelane::bench
