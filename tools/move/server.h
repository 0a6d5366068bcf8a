// A connection to the PostgreSQL server that a database is moved to, with one transaction, which
// ends undone unless it is committed.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/move/value.h"

namespace onelane::tools {

struct ClearAnswer {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ClearAnswer>;

// All throw RunError with the server's words, or if SIGINT came meanwhile.
class Server {
 public:
  // Begins the transaction. Throws UsageError for a conninfo that libpq cannot read.
  explicit Server(const std::string& conninfo);

  void run(const std::string& sql);
  // Rows as text; NULL is none.
  std::vector<std::vector<std::optional<std::string>>> ask(const std::string& sql);
  // False, and nothing is done, if a unique index refuses it.
  bool try_unique(const std::string& sql);
  // The first value of the first row; empty if there is none.
  std::string first(const std::string& sql);
  // Rows in binary.
  Answer fetch(const std::string& sql);
  // Rows that the last run() has inserted, changed or deleted.
  std::uint64_t changes() const noexcept { return changes_; }

  // "COPY ... FROM STDIN", the data in any number of pieces, and the end: how many rows it took.
  void begin_copy(const std::string& sql);
  void put(std::string_view data);
  std::uint64_t end_copy();

  // A connection that is lost in it says so: nobody knows then what became of it.
  void commit();

 private:
  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  // Of a statement; SIGINT ends the wait, and cancels it at the server.
  Answer exchange(const std::string& sql) const;
  Answer exchange_in(int format, const std::string& sql) const;
  Answer wait() const;
  Answer checked(Answer answer, ExecStatusType expected) const;
  [[noreturn]] void give_up() const;
  [[noreturn]] void fail(const PGresult* result) const;

  std::unique_ptr<PGconn, Finish> connection_;
  std::uint64_t changes_ = 0;
};

}  // namespace onelane::tools
