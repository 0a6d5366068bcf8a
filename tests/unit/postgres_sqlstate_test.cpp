// Whose fault an SQLSTATE is, and what messages never have. Needs no server.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "src/postgres/conninfo.h"
#include "src/postgres/sqlstate.h"
#include "src/postgres/statements.h"

namespace onelane::postgres {
namespace {

TEST(PostgresSqlstate, EachRowOfTheTableIsFoundByItsOwnCode) {
  std::set<std::string_view> seen;
  for (const FaultRow& row : fault_table()) {
    EXPECT_TRUE(row.state.size() == 2 || row.state.size() == 5) << row.state;
    EXPECT_TRUE(seen.insert(row.state).second) << row.state;
    const std::string code = std::string(row.state) + (row.state.size() == 2 ? "ZZZ" : "");
    EXPECT_EQ(&row_of(code), &row) << row.state;
    const Reply units = failure(code, "m", Whose::a_units);
    EXPECT_EQ(units.fault, row.fault) << row.state;
    EXPECT_EQ(units.effect, Effect::ended);
    EXPECT_EQ(units.cause.code(), errc_of(row.fault));
    const bool constraint = units.cause.constraint() != Constraint::none;
    EXPECT_EQ(constraint, row.constraint != 0) << row.state;
    // Where the statement was ours no record is blamed.
    const Reply ours = failure(code, "m", Whose::ours);
    EXPECT_EQ(ours.fault, row.fault == Fault::record ? Fault::environment : row.fault);
    EXPECT_NE(ours.cause.code(), Errc::record);
  }
}

TEST(PostgresSqlstate, TheConstraintsAreToldApart) {
  const auto constraint = [](const char* state) {
    return failure(state, "m", Whose::a_units).cause.constraint();
  };
  EXPECT_EQ(constraint("23505"), Constraint::unique);
  EXPECT_EQ(constraint("23503"), Constraint::foreign_key);
  EXPECT_EQ(constraint("23502"), Constraint::not_null);
  EXPECT_EQ(constraint("23514"), Constraint::check);
  EXPECT_EQ(constraint("22P02"), Constraint::type);
  EXPECT_EQ(constraint("23P01"), Constraint::other);
  EXPECT_EQ(constraint("42601"), Constraint::none);
}

TEST(PostgresSqlstate, WhatAFunctionRaisesIsItsRecordsFault) {
  EXPECT_EQ(row_of("AB123").fault, Fault::record);
}

TEST(PostgresSqlstate, WhatTheServerDidNotSayIsNoRecordsFault) {
  EXPECT_EQ(row_of("").fault, Fault::environment);
}

TEST(PostgresConninfo, WhatCannotBeReadIsNotRepeated) {
  for (const char* text : {"password='hunter2", "password = hunter2 hunter3", "hunter2",
                           "postgresql://me:hunter2@[::1/peers", "nonsense=hunter2",
                           "dbname=postgresql://me:hunter2@host/peers"}) {
    const Result<Conninfo> read = Conninfo::read(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.status().code(), Errc::invalid_argument);
    EXPECT_EQ(read.status().message().find("hunter"), std::string::npos) << read.status().message();
  }
}

TEST(PostgresConninfo, ANameHasNoPassword) {
  const auto read = Conninfo::read("postgresql://me:hunter2@db.example:5433/peers?sslmode=require");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->name(), "host=db.example port=5433 dbname=peers user=me");
  EXPECT_EQ(read->scrubbed("is hunter2 or hunter2"), "is *** or ***");
}

TEST(PostgresStatements, TheFirstWordIsBehindCommentsAndParentheses) {
  EXPECT_EQ(first_word("  SELECT 1"), "select");
  EXPECT_EQ(first_word("-- commit\n/* /* x */ commit */((With"), "with");
  EXPECT_EQ(first_word("/* open"), "");
  EXPECT_EQ(first_word(""), "");
}

}  // namespace
}  // namespace onelane::postgres
