// What tests of the SQLite sink see a database with: a connection of their own, and a spy that gets
// hold of the connections that the library opens, which needs no hook in the library.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace onelane::test {

// Another connection, as another program would have one.
class OtherConnection {
 public:
  enum class Missing : std::uint8_t { fails, created };
  // Fails the test if there is no such database, unless it may be created.
  explicit OtherConnection(const std::filesystem::path& path, Missing missing = Missing::fails);
  ~OtherConnection() { sqlite3_close_v2(db_); }
  OtherConnection(const OtherConnection&) = delete;
  OtherConnection& operator=(const OtherConnection&) = delete;

  // All rows: columns joined by '|', rows by ' ', NULL as "NULL"; or "error <code>".
  std::string query(const std::string& sql);
  sqlite3* handle() const noexcept { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

// The same on a connection that lives no longer than the query.
std::string query(const std::filesystem::path& path, const std::string& sql);
std::string query(sqlite3* db, const std::string& sql);
// In a process of its own: to open and close a database's file drops all locks that the process has
// on it, SQLite's and onelane's.
void copy_file(const std::filesystem::path& from, const std::filesystem::path& to);
// What plain SQLite recovers from a copy of the database and its log: what is left if every process
// ends now.
std::string recovered(const std::filesystem::path& database, const std::string& sql);

// The module of full-text search that this SQLite was built with; empty if with none.
std::string full_text();

// Sees every connection that is opened while it lives, and the SQL that runs on it. One at a time,
// and connections on one thread.
class ConnectionSpy {
 public:
  ConnectionSpy();
  ~ConnectionSpy();
  ConnectionSpy(const ConnectionSpy&) = delete;
  ConnectionSpy& operator=(const ConnectionSpy&) = delete;

  // The first one with a file: a sink opens its write connection before the log's.
  sqlite3* writer() const noexcept;
  const std::vector<std::string>& sql() const noexcept;
  // The position of the first statement that starts so, or -1.
  std::ptrdiff_t position(const std::string& start) const;
};

}  // namespace onelane::test
