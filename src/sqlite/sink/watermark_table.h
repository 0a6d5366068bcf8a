// A table of the user's choice in which each opening of the journal keeps the number of its newest
// commit, so that a program can tell after a crash which of them the database has.
//
// One row for each opening (epoch), written last before each COMMIT: no later commit can be in the
// database without it. A fence leaves it as it is. So a number that is there was committed, with
// all its records.
//
// The table is in the user's database, where others may drop it, restore a backup over it or put
// another one in its place. Any table that takes the marking statement will do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "onelane/sink.h"
#include "src/sqlite/connection/connection.h"

namespace onelane::inline v0::sqlite {

class WatermarkTable {
 public:
  // Makes the table if there is none, and begins a new epoch in a transaction of its own. The
  // connection must outlive it.
  static Result<std::unique_ptr<WatermarkTable>> begin(Connection& connection,
                                                       const std::string& table);

  // Does in the open transaction what begin() would do, to find out whether it can.
  static Status rehearse(Connection& connection, const std::string& table);

  std::uint64_t epoch() const noexcept { return epoch_; }
  // In the open transaction. Makes the table and the row again if somebody has removed them. Of a
  // table that cannot be written to: Fault::environment, until it is put right.
  Reply mark(std::uint64_t commit);
  // Says that the last mark was committed.
  void committed() noexcept { newest_ = marked_; }
  // As mark(), with what the database has: for a commit without units.
  Reply mark_again() { return mark(newest_); }
  // Outside a transaction.
  Result<std::uint64_t> commits_of(std::uint64_t epoch);

 private:
  WatermarkTable(Connection& connection, const std::string& table)
      : connection_(connection), name_('"' + table + '"'), table_("main." + name_) {}
  Reply make_epoch();
  Reply make();
  Reply write(std::uint64_t commit);
  Reply run(const std::string& sql, std::string& answer);
  Reply failure(int code);

  Connection& connection_;
  const std::string name_;
  const std::string table_;
  std::uint64_t epoch_ = 0;
  std::uint64_t marked_ = 0;
  std::uint64_t newest_ = 0;  // of the marks that were committed
  Prepared mark_;
};

}  // namespace onelane::inline v0::sqlite
