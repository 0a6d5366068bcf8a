// One run of the journal, and of the bare loop: rows that are there already get a new value, so
// that the database stays as large as it is, in transactions of the same size everywhere.
#pragma once

#include <cstdint>
#include <filesystem>

#include "bench/kit/trials.h"

namespace onelane::bench::growth {

// No larger than the smallest backlog, which then fills a transaction like any other.
inline constexpr std::uint64_t kRowsPerTransaction = 1'000;

struct Load {
  std::filesystem::path database;  // as lay_out made it
  std::uint64_t database_rows = 0;
  std::uint64_t rows = 0;                       // to write: a multiple of backlog
  std::uint64_t backlog = kRowsPerTransaction;  // queued before a tick runs
  std::uint64_t classes = 1;
  std::uint64_t seed = 1;  // of the keys' choice
  // Of the first value, counted up from there: SQLite writes no page that stays as it is.
  std::uint64_t version = 1;
};

void lay_out(const std::filesystem::path& database, std::uint64_t rows);

// Pushes a backlog, ticks until it is committed, and so on, all on one thread. per_s and
// us_per_row.
Figures run_journal(const Load& load);

// The same rows by one prepared statement.
Figures run_bare(const Load& load);

}  // namespace onelane::bench::growth
