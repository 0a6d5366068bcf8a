// The rows of one table, from either side, in the order of its key.
#pragma once

#include "tools/move/mapping.h"
#include "tools/move/server.h"
#include "tools/move/source.h"
#include "tools/move/value.h"

namespace onelane::tools {

// The row's key, for messages: "id = 7", cut where it is long.
std::string key_text(const MovedTable& table, const Row& row);

// Throws RunError for a value that does not fit its column in PostgreSQL: it names table, key and
// column. All must outlive it.
class SourceRows {
 public:
  SourceRows(const Source& source, const MovedTable& table);
  // False at the end.
  bool next(Row& row);

 private:
  Value value(std::size_t column) const;
  [[noreturn]] void refuse(std::size_t column, const std::string& why) const;

  const MovedTable& table_;
  SourceStatement statement_;
};

// Through a cursor, so that it sees the table as it was when it began, and other statements may
// run meanwhile. One at a time.
class TargetRows {
 public:
  TargetRows(Server& server, const MovedTable& table);
  bool next(Row& row);

 private:
  void fetch();

  Server& server_;
  const MovedTable& table_;
  Answer answer_;
  int at_ = 0;
  int rows_ = 0;  // how many the next fetch asks for
  bool ended_ = false;
};

}  // namespace onelane::tools
