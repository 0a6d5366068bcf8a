// The two ways of a small row into a database, driven on one thread so that every run executes the
// same instructions: the bare loop, and a journal without a thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace onelane::bench::overhead {

enum class Journey : std::uint8_t {
  bare,     // bind, step and reset of one prepared upsert
  pushed,   // push, tick
  onelane,  // submit, tick, every receipt polled
};
std::string_view name(Journey journey) noexcept;
Journey journey_named(std::string_view name);  // throws UsageError

// Rows of each transaction, and hence of each tick.
inline constexpr std::uint64_t kRowsPerTransaction = 200;

// The loop inside; collection of instructions is switched on by entering it and off by leaving it.
inline constexpr std::string_view kCountedFunctions = "onelane_bench_counted_*";

// Makes the database with this many rows: what a row costs depends on how many there are already.
void lay_out(const std::filesystem::path& database, std::uint64_t rows);

struct Leg {
  std::filesystem::path database;
  std::uint64_t first = 0;  // number of the first row; rows below are there already
  std::uint64_t rows = 0;   // a multiple of kRowsPerTransaction
};

// Upserts the rows of the leg, each with a key of its own. Gives how often the loop called the
// system to read or write, if that can be told. Throws RunError if a row is not committed, or not
// in a transaction of kRowsPerTransaction.
std::optional<std::uint64_t> travel(Journey journey, const Leg& leg);

}  // namespace onelane::bench::overhead
