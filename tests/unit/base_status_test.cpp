// The error value, and what a broken invariant prints.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "onelane/status.h"
#include "src/base/check.h"

namespace onelane {
namespace {

TEST(StatusText, NamesTheKindTheReasonAndSqlitesCode) {
  EXPECT_EQ(Status().to_string(), "ok");
  EXPECT_EQ(Status(Errc::record, "UNIQUE constraint failed: peers.id", 2067).to_string(),
            "record: UNIQUE constraint failed: peers.id (sqlite 2067)");
  EXPECT_EQ(Status(Errc::timed_out, "too late").to_string(), "timed_out: too late");
}

TEST(Status, TellsConstraintsApartByTheirCodes) {
  const auto of = [](int code) { return Status(Errc::record, "", code).constraint(); };
  EXPECT_EQ(of(SQLITE_CONSTRAINT_UNIQUE), Constraint::unique);
  EXPECT_EQ(of(SQLITE_CONSTRAINT_PRIMARYKEY), Constraint::unique);
  EXPECT_EQ(of(SQLITE_CONSTRAINT_ROWID), Constraint::unique);
  EXPECT_EQ(of(SQLITE_CONSTRAINT_FOREIGNKEY), Constraint::foreign_key);
  EXPECT_EQ(of(SQLITE_CONSTRAINT_NOTNULL), Constraint::not_null);
  EXPECT_EQ(of(SQLITE_CONSTRAINT_CHECK), Constraint::check);
  EXPECT_EQ(of(SQLITE_CONSTRAINT_DATATYPE), Constraint::type);
  EXPECT_EQ(of(SQLITE_CONSTRAINT_TRIGGER), Constraint::other);
  EXPECT_EQ(of(SQLITE_CONSTRAINT), Constraint::other);
  EXPECT_EQ(of(SQLITE_FULL), Constraint::none);
  EXPECT_EQ(of(0), Constraint::none);
  EXPECT_EQ(Status().constraint(), Constraint::none);
  EXPECT_EQ(name(Constraint::foreign_key), "foreign_key");
}

TEST(StatusText, EveryCodeHasAStableName) {
  std::string names;
  for (int code = 0; code <= static_cast<int>(Errc::internal); ++code) {
    names += std::string(name(static_cast<Errc>(code))) + " ";
  }
  EXPECT_EQ(names,
            "ok invalid_argument full would_block timed_out expired in_lane closed poisoned forked "
            "already_open locked record storage corrupt not_committed not_durable not_journaled "
            "internal ");
}

TEST(ResultValue, ThrowsTheReasonWhereThereIsNone) {
  const Result<int> none(Status(Errc::full, "class \"peers\" is full"));
  EXPECT_FALSE(none);
  try {
    (void)none.value();
    FAIL() << "value() returned";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()), none.status().to_string());
  }
}

TEST(ResultValue, StarAndArrowThrowToo) {
  Result<std::string> none(Status(Errc::full, "class \"peers\" is full"));
  EXPECT_THROW((void)*none, std::runtime_error);
  EXPECT_THROW((void)none->size(), std::runtime_error);
  EXPECT_THROW((void)*std::as_const(none), std::runtime_error);
  EXPECT_THROW((void)std::as_const(none)->size(), std::runtime_error);
  EXPECT_THROW((void)*std::move(none), std::runtime_error);
}

TEST(ResultValue, OfAStatusThatIsOkIsAnErrorAllTheSame) {
  const Result<int> neither{Status()};
  EXPECT_FALSE(neither.ok());
  EXPECT_EQ(neither.status().code(), Errc::invalid_argument);
}

TEST(CheckDeathTest, ABrokenInvariantEndsTheProcessWithWhatWasSeen) {
  const int seen = 42;
  EXPECT_DEATH(ONELANE_CHECK(seen < 0, seen), "seen < 0.*42");
}

}  // namespace
}  // namespace onelane
