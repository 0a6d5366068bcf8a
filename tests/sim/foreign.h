// Somebody else's connection to the database, as another process would have one.
#pragma once

#include <string>
#include <utility>

struct sqlite3;

namespace onelane::test {

class Foreign {
 public:
  explicit Foreign(std::string database) : database_(std::move(database)) {}
  ~Foreign() { close(); }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;

  // Does nothing within itself. Whether it went well; if not, no transaction is open.
  bool run(const std::string& sql);
  void close();

 private:
  const std::string database_;
  sqlite3* db_ = nullptr;
  bool running_ = false;
};

}  // namespace onelane::test
