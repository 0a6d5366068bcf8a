// A table of the user's choice in which each opening of the journal keeps the number of its newest
// commit, so that a program can tell after a crash which of them the database has.
//
// A row an opening (epoch), written last before each COMMIT: nothing that follows it can be in the
// database without it. A fence leaves it as it is, so a number that is there was committed, and
// with it all its records.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "onelane/sink.h"
#include "src/sqlite/connection.h"

namespace onelane::sqlite {

class Watermark {
 public:
  // Makes the table if there is none, and begins a new epoch in a transaction of its own. The
  // connection must outlive it.
  static Result<std::unique_ptr<Watermark>> begin(Connection& connection, const std::string& table);

  std::uint64_t epoch() const noexcept { return epoch_; }
  // In the open transaction.
  Reply mark(std::uint64_t commit);
  // Outside a transaction.
  Result<std::uint64_t> commits_of(std::uint64_t epoch);

 private:
  Watermark(Connection& connection, std::string table)
      : connection_(connection), table_(std::move(table)) {}
  int begin_epoch();
  Status prepare();

  Connection& connection_;
  const std::string table_;
  std::uint64_t epoch_ = 0;
  Prepared mark_;
};

}  // namespace onelane::sqlite
