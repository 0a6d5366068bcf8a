// What callers without a journal do on a connection of their own: the storm's, and those of `run`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "bench/kit/database.h"
#include "bench/storm/ledger.h"
#include "bench/storm/result.h"
#include "onelane/options.h"

namespace onelane::bench::storm {

// With the pragmas of a journal of that level, and a busy timeout. Throws RunError.
Connection connect(const std::filesystem::path& path, Synchronous synchronous);

// As they are in force on it.
Pragmas pragmas_of(Connection& connection);

// Of a result code that is an error.
Refusal refusal_of(int rc);

// BEGIN IMMEDIATE and COMMIT, one transaction after the other. Must not outlive its connection.
class DirectTransaction {
 public:
  explicit DirectTransaction(Connection& connection);

  // SQLITE_DONE, or an error that left no transaction.
  int begin();
  // After an error of `rc` or of the COMMIT nothing of the transaction is left. Enters the hold.
  int end(int rc, Ledger& ledger);

  // Rows, since begin().
  std::uint64_t changed() const { return connection_.changes() - changes_before_; }
  // Why begin() or end() failed.
  const std::string& error() const { return error_; }

 private:
  Connection& connection_;
  Query begin_ = connection_.prepare("BEGIN IMMEDIATE");
  Query commit_ = connection_.prepare("COMMIT");
  Query rollback_ = connection_.prepare("ROLLBACK");
  Instant held_since_;
  std::uint64_t changes_before_ = 0;
  std::string error_;
};

}  // namespace onelane::bench::storm
