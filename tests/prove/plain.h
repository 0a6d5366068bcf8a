// A connection of plain SQLite to what is left of a database. It never checkpoints.
#pragma once

#include <sqlite3.h>

#include <string>

namespace onelane::prove {

class Plain {
 public:
  Plain(const std::string& database, const char* vfs) {
    code_ =
        sqlite3_open_v2(database.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  ~Plain() { sqlite3_close(db_); }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  // The rows' first columns; false on an error.
  template <class Visit>
  bool each(const char* sql, Visit visit) {
    if (code_ != SQLITE_OK) return false;
    sqlite3_stmt* statement = nullptr;
    code_ = sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr);
    if (code_ != SQLITE_OK) return false;
    while ((code_ = sqlite3_step(statement)) == SQLITE_ROW) visit(statement);
    code_ = sqlite3_finalize(statement);
    return code_ == SQLITE_OK;
  }
  // A row's column, counted from 0.
  static std::string text(sqlite3_stmt* row, int column = 0) {
    const unsigned char* found = sqlite3_column_text(row, column);
    return found == nullptr ? "NULL" : reinterpret_cast<const char*>(found);
  }
  std::string error() const { return sqlite3_errmsg(db_); }

 private:
  sqlite3* db_ = nullptr;
  int code_ = SQLITE_OK;
};

}  // namespace onelane::prove
