// How far journaled units are applied, and those that were refused: two tables, written in the
// commits of the units themselves (onelane/sink.h, AppliedPositions).
//
//   PREFIX_positions     class text PRIMARY KEY, position, waiting (positions below it that are not
//                        applied, with commas between), journaled (the newest that is known to be)
//   PREFIX_dead_letters  class, position, statement, row (values as SQL writes them), cause, time
//
// A row of positions without a class is the mark of the intake: its UUID in `waiting`, how it ended
// in `position`, the format's number in `journaled`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/sink.h"
#include "src/postgres/session.h"

namespace onelane::inline v0::postgres {

class PositionsTable {
 public:
  // The session must outlive it.
  explicit PositionsTable(Session& session) : session_(session) {}

  // Makes the tables that are missing. Outside a transaction.
  Reply make();

  // Queue one command for the open transaction. One that finds another position than is expected
  // fails by itself, with kElsewhere, so that no COMMIT behind it is carried out.
  static constexpr std::string_view kElsewhere = "22012";  // division by zero
  void queue_advance(const ClassProgress& progress);
  void queue_bury(const DeadLetter& letter);
  // What kElsewhere means.
  std::string elsewhere(const ClassProgress& progress) const;
  // The mark is written in the open transaction.
  Reply write_mark(const IntakeMark& mark);

  // In the open transaction: whether the tables take writes.
  Reply probe();

  Result<std::optional<IntakeMark>> mark();
  Result<std::vector<FoundProgress>> found();

 private:
  std::string positions() const { return session_.table("positions"); }
  std::string letters() const { return session_.table("dead_letters"); }

  Session& session_;
};

}  // namespace onelane::inline v0::postgres
