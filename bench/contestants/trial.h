// A case of trials: contestants that put the same load on a fresh store each.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/contestants/load.h"
#include "bench/contestants/store.h"
#include "bench/kit/flags.h"
#include "bench/kit/trials.h"

namespace onelane::bench {

// Who takes part, and what all of them share.
struct Field {
  std::vector<std::string> contestants;
  std::uint64_t wal_limit_bytes = 0;
};

// --contestants and --wal-limit. `usual` take part without the former, where they are built in.
void add_field_flags(FlagSet& flags, Field& field, std::string_view usual);

struct Workload {
  std::shared_ptr<const Rows> rows;
  Synchronous synchronous = Synchronous::normal;
  Acknowledgement acknowledgement = Acknowledgement::waited_for;
  std::optional<Load> before;  // what is written before the clock starts
  Load load;
};

// Figures: per_s, rows_per_commit and, where writes are waited for, p50_us and p99_us. The ceiling
// has one thread, and transactions as large as onelane's in the run before; if there was none,
// onelane runs once more for it.
Case make_case(std::string name, const Field& field, const Workload& workload,
               const std::filesystem::path& directory);

// "1,4,16". Throws UsageError.
std::vector<std::uint64_t> parse_thread_counts(std::string_view text);
Synchronous parse_synchronous(std::string_view text);
std::string_view name(Synchronous synchronous) noexcept;

}  // namespace onelane::bench
