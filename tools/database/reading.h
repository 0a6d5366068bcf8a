// A connection that reads a database which nobody vouches for: read-only, with nothing in the
// schema trusted or run, and with a time limit.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "onelane/clock.h"
#include "tools/database/files.h"

namespace onelane::tools {

// Why a statement did not give its rows.
struct ReadError {
  int code = SQLITE_OK;  // extended
  std::string message;
  bool out_of_time = false;
};

struct Rows {
  std::vector<std::vector<std::string>> rows;  // NULL is empty
  ReadError error;
  bool ok() const noexcept { return error.code == SQLITE_OK; }
  // The first column of the first row; empty if there is none.
  std::string first() const { return rows.empty() ? std::string() : rows[0][0]; }
};

class Reading {
 public:
  // A file at rest is read without locks, and without SQLite's making a log and an index beside it.
  // Throws RunError if SQLite has no memory; what else is wrong the first statement tells.
  explicit Reading(const DatabaseFile& file);
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() { sqlite3_close_v2(db_); }

  // At most this many rows, each value cut after 1 MiB; within `limit`, or until interrupted().
  Rows query(const std::string& sql, std::size_t rows_most, Duration limit);

 private:
  static int go_on(void* self) noexcept;

  sqlite3* db_ = nullptr;
  std::chrono::steady_clock::time_point end_{};
};

// For SQLITE_OPEN_URI: the file is read without locks, and nothing is made beside it.
std::string immutable_uri(const std::string& path);

// "a ""name""", for SQL.
std::string quoted_name(const std::string& name);

}  // namespace onelane::tools
