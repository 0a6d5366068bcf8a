// On PostgreSQL, without a journal: a small write is a statement by itself, heavy threads write in
// transactions.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "bench/storm/options.h"
#include "bench/storm/strategy.h"

namespace onelane::bench::storm {

// How many connections `pool` has.
inline constexpr std::size_t kPgPoolSize = 16;

// With a connection for each caller and each heavy thread; or, if `pool` is not 0, with so many, of
// which each write and each heavy transaction takes one, and waits while there is none.
std::unique_ptr<Strategy> make_pg_direct(const StormOptions& options, const std::string& conninfo,
                                         std::size_t pool);

}  // namespace onelane::bench::storm
