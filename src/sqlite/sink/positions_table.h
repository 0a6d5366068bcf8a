// How far journaled units are applied, and those that were refused: two tables in the user's
// database, written in the commits of the units themselves (onelane/sink.h, AppliedPositions).
//
//   positions     class TEXT PRIMARY KEY, position, waiting (positions below it that are not
//                 applied, with commas between), journaled (the newest that is known to be)
//   dead letters  class, position, statement, row (values as SQL writes them), cause, time
//
// A row of `positions` without a class is the mark of the intake: its UUID and the number of the
// database's schema, in `waiting`; whether it ended in good order, in `position`; the format's
// number in `journaled`.
//
// A copy that SQLite made of a database in use is complete by itself, and has no intake. It can be
// told from the database, whose mark it has: VACUUM INTO leaves WAL mode, and the backup API
// numbers the schema of a new file from 1, while the database's own number only ever grows. A file
// that was copied by other means cannot be told, and is refused without its intake.
//
// Others may drop the tables, or write to them. What is missing is made again; a position that is
// not what it was is an error that cannot be healed, since units would be lost or applied twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "onelane/options.h"
#include "onelane/sink.h"
#include "src/sqlite/connection/connection.h"

namespace onelane::inline v0::sqlite {

class PositionsTable {
 public:
  // The connection must outlive it.
  PositionsTable(Connection& connection, const IntakeOptions& options);

  Reply advance(const ClassProgress& progress);
  Reply bury(const DeadLetter& letter);
  Result<std::optional<IntakeMark>> mark();
  // In the open transaction.
  Reply write_mark(const IntakeMark& mark);
  Result<std::vector<FoundProgress>> found();
  bool buries() const noexcept { return !letters_.empty(); }
  // In the open transaction: whether the tables can be read, if an intake is in use.
  Reply probe();
  void finalize() noexcept;

 private:
  Reply make();
  Reply prepared(Prepared& statement, const std::string& sql);
  Reply write(Prepared& statement);
  Reply write_progress(const ClassProgress& progress);
  Reply write_letter(const DeadLetter& letter);
  Result<bool> exists();
  Reply run(const std::string& sql, std::string& answer);
  Reply failure(int code);

  Connection& connection_;
  const std::string name_;     // of the table
  const std::string table_;    // quoted, with its schema
  const std::string letters_;  // the same of the dead letters; empty: none
  bool in_use_ = false;
  Prepared first_;  // of a class
  Prepared next_;
  Prepared bury_;
};

}  // namespace onelane::inline v0::sqlite
