// Numbers with units, as flags take them and tables show them. Parsers throw UsageError, whose
// message names the text and shows a right one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onelane::kit {

using Nanoseconds = std::chrono::nanoseconds;

// "20ms", as onelane::parse_duration().
Nanoseconds parse_duration(std::string_view text);
// "64MiB", as onelane::parse_size().
std::uint64_t parse_size(std::string_view text);
// "4096": digits only.
std::uint64_t parse_count(std::string_view text);
// "2.5": digits with at most one point.
double parse_number(std::string_view text);

// "1,4,16": the parts between commas, at least one.
std::vector<std::string> split_list(std::string_view text);

std::string format_duration(Nanoseconds value);  // "20ms", "1.5s": what parse_duration takes
std::string format_size(std::uint64_t bytes);    // "64MiB", "12.3MiB"
std::string format_count(std::uint64_t value);   // "1,234,567"
std::string table_number(double value);          // "20,815", "0.123": digits that mean something
std::string format_ms(double milliseconds);  // three digits that mean something: "0.123", "8301"

double to_ms(std::uint64_t nanoseconds);
double to_seconds(Nanoseconds value);

}  // namespace onelane::kit
