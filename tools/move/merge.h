// Makes one table of PostgreSQL equal to SQLite's: a table without rows is copied, of others only
// the differences are written.
#pragma once

#include <cstdint>

#include "tools/move/mapping.h"
#include "tools/move/server.h"
#include "tools/move/source.h"

namespace onelane::tools {

struct Moved {
  std::uint64_t rows = 0;     // of SQLite
  std::uint64_t copied = 0;   // rows that PostgreSQL did not have
  std::uint64_t changed = 0;  // rows whose values were others
  std::uint64_t deleted = 0;  // rows that SQLite does not have
  bool operator==(const Moved&) const = default;
  bool nothing() const noexcept { return copied == 0 && changed == 0 && deleted == 0; }
};

// In the server's transaction. A table without a primary key is emptied and copied again if any
// row differs. Throws RunError.
Moved make_equal(const Source& source, Server& server, const MovedTable& table);

// Reads both sides: how many rows they have. Throws RunError for the first that is not the same.
std::uint64_t verify_equal(const Source& source, Server& server, const MovedTable& table);

}  // namespace onelane::tools
