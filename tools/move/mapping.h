// Which table of PostgreSQL a table of SQLite goes to, and which column: those that are there are
// used as they are, others are made.
#pragma once

#include <string>
#include <vector>

#include "tools/move/server.h"
#include "tools/move/source.h"
#include "tools/move/value.h"

namespace onelane::tools {

struct MovedTable {
  std::string name;    // in SQLite
  std::string target;  // in PostgreSQL, with its schema, in quotes
  std::vector<MovedColumn> columns;
  // Places in `columns`. Where there is no primary key, all of them, in order.
  std::vector<std::size_t> key;
  bool has_key = false;
  bool made = false;               // by this run
  std::vector<std::string> after;  // SQL for when its rows are there: indexes
};

struct Mapping {
  std::vector<MovedTable> tables;
  std::vector<std::string> notes;  // what is not translated
};

// In the server's transaction; makes the tables that are missing. Throws RunError before it makes
// any if a table that is there does not fit.
Mapping map_tables(const Source& source, const std::vector<SourceTable>& tables, Server& server);

}  // namespace onelane::tools
