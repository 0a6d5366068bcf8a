// Where a strategy writes: a database file, or a schema on a server.
#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include "bench/storm/options.h"
#include "bench/storm/reader.h"
#include "bench/storm/strategy.h"

namespace onelane::bench::storm {

class Place {
 public:
  Place() = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  virtual ~Place() = default;

  // Makes the tables; once. Throws RunError, as reader() does.
  virtual std::unique_ptr<Strategy> open(StrategyKind kind) = 0;
  // Once the strategy has gone.
  virtual std::unique_ptr<Reader> reader() = 0;
};

std::unique_ptr<Place> make_file_place(const StormOptions& options,
                                       const std::filesystem::path& database);
// On the server that options.postgres names; an intake is beside `database`, which is no file
// itself. Only where libpq is.
std::unique_ptr<Place> make_pg_place(const StormOptions& options,
                                     const std::filesystem::path& database);

// What a connect of that strategy waits for, where it has a journal.
Promise promised(StrategyKind kind);

}  // namespace onelane::bench::storm
