// What onelane itself keeps in the database: how far the intake is applied, dead letters, the
// version of the schema. Read from SQLite's tables (src/sqlite/sink/positions_table.h), written to
// those of the sink for PostgreSQL (src/postgres/positions_table.h), which it has made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/move/server.h"
#include "tools/move/source.h"

namespace onelane::tools {

// Names of SQLite's tables; empty where there is none.
struct OwnTables {
  std::string positions;
  std::string dead_letters;
};

// Takes them out of `tables`, by their columns, since a program names them; each is told in
// `notes`. Throws RunError if two look like the positions, or like the dead letters.
OwnTables take_own_tables(std::vector<SourceTable>& tables, std::vector<std::string>& notes);

struct MovedPosition {
  std::string name;  // of the class
  std::uint64_t position = 0;
};

struct MovedIntake {
  bool known = false;                    // SQLite has had an intake
  bool clean = false;                    // and it ended in good order: all of it is applied
  std::vector<MovedPosition> positions;  // how far classes are applied
  std::uint64_t dead_letters = 0;
  std::int64_t schema_version = 0;
};

// In the server's transaction, while a sink has the prefix.
MovedIntake move_own_tables(const Source& source, const OwnTables& own, Server& server,
                            const std::string& prefix);

}  // namespace onelane::tools
