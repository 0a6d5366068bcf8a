// The SQLite database that is moved, as of one moment: a read transaction.
#pragma once

#include <sqlite3.h>
#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tools/database/files.h"
#include "tools/move/value.h"

namespace onelane::tools {

struct SourceColumn {
  std::string name;
  std::string type;  // as it was declared
  bool not_null = false;
  bool has_default = false;
  bool generated = false;
  int key = 0;  // its place in the primary key, from 1; 0: it is not in it
};

struct SourceIndex {
  std::string name;  // empty: of a UNIQUE in the table
  std::vector<std::string> columns;
  bool unique = false;
  bool plain = true;  // whole columns, all rows, SQLite's BINARY collation
};

struct SourceTable {
  std::string name;
  std::string sql;
  std::vector<SourceColumn> columns;
  std::vector<SourceIndex> indexes;
  bool rowid_key = false;  // an INTEGER PRIMARY KEY, which SQLite gives where a row has none
  bool foreign_keys = false;
};

class Source;

// One statement's rows.
class SourceStatement {
 public:
  SourceStatement(const Source& source, const std::string& sql);
  // False at the end. Throws RunError, also if SIGINT came meanwhile.
  bool step();
  sqlite3_stmt* get() const noexcept { return statement_.get(); }
  // NULL is empty.
  std::string text(int column) const;
  std::int64_t number(int column) const { return sqlite3_column_int64(get(), column); }
  bool null(int column) const { return sqlite3_column_type(get(), column) == SQLITE_NULL; }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  const Source& source_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Source {
 public:
  // Begins the read transaction. Throws RunError, as all here does.
  explicit Source(const DatabaseFile& file);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  // Without SQLite's own.
  std::vector<SourceTable> tables() const;
  // "trigger t", "view v", "virtual table f": what is no table that can be moved.
  std::vector<std::string> others() const;
  // The first value of the first row; 0 if there is none.
  std::int64_t number(const std::string& sql) const;

  // Ends the read transaction. False if somebody has written to the database since it began; of a
  // file at rest, since it was opened: what was read may then be of no one moment.
  bool end_unchanged();

  bool in_wal_mode() const noexcept { return file_.header.wal(); }
  sqlite3* handle() const noexcept { return db_.get(); }
  [[noreturn]] void fail() const;

 private:
  void read_columns(SourceTable& table) const;
  void read_indexes(SourceTable& table) const;

  struct Close {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  };
  const DatabaseFile file_;
  struct stat before_ = {};  // of a file at rest
  std::unique_ptr<sqlite3, Close> db_;
  std::int64_t version_ = 0;  // of its content, as this connection counts
};

}  // namespace onelane::tools
