// Somebody else's connection to the database: another process's, where it has its own VFS.
#pragma once

#include <string>
#include <utility>

#include "tests/sim/content.h"

struct sqlite3;

namespace onelane::test {

class Foreign {
 public:
  explicit Foreign(std::string database, const char* vfs = nullptr)
      : database_(std::move(database)), vfs_(vfs) {}
  ~Foreign() { close(); }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;

  // Does nothing within itself. Whether it went well; if not, no transaction is open.
  bool run(const std::string& sql);
  // What the database holds, and whether it could be read; not from within a transaction.
  bool read(Content& out);
  void close();

  // Whether it is in the midst of something, so that nothing can be asked of it.
  bool running() const noexcept { return running_; }
  bool in_transaction() const;
  // SQLite's answer to what went wrong last.
  int code() const noexcept { return code_; }

 private:
  void open();

  const std::string database_;
  const char* const vfs_;
  sqlite3* db_ = nullptr;
  bool running_ = false;
  int code_ = 0;
};

}  // namespace onelane::test
