// A savepoint by a name of its own, so that those of a unit and of a statement within it can nest.
#pragma once

#include <string>

#include "onelane/sink.h"
#include "src/sqlite/connection/connection.h"

namespace onelane::inline v0::sqlite {

class Savepoint {
 public:
  // The connection must outlive it.
  Savepoint(Connection& connection, const std::string& name)
      : connection_(connection),
        begin_sql_("SAVEPOINT " + name),
        release_sql_("RELEASE " + name),
        rollback_to_sql_("ROLLBACK TO " + name) {}

  Status prepare();
  void finalize() noexcept;

  // All want a transaction. SQLite opens no savepoint while a statement that writes is being
  // stepped: Fault::busy.
  Reply begin() { return step(begin_, begin_sql_); }
  Reply release();
  // Undoes what was done since begin(), and releases.
  Reply rollback_to();

 private:
  Reply step(const Prepared& statement, const std::string& sql);

  Connection& connection_;
  const std::string begin_sql_, release_sql_, rollback_to_sql_;
  Prepared begin_, release_, rollback_to_;
};

// What a call that needs a transaction answers where there is none.
Reply outside_transaction();

}  // namespace onelane::inline v0::sqlite
