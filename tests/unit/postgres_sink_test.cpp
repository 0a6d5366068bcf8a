// What the sink for PostgreSQL makes of values, failures and levels, without an engine.
#include <cmath>
#include <limits>

#include "onelane/sink.h"
#include "tests/support/postgres_fixture.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

constexpr Column kInteger{ColumnType::integer, true};
constexpr Column kReal{ColumnType::real, true};
constexpr Column kText{ColumnType::text, true};
constexpr Column kBlob{ColumnType::blob, true};

class PostgresSinkTest : public PostgresTest {
 protected:
  void open(const std::string& schema, postgres::Options options = {}) {
    options.schema = schema;
    Result<std::unique_ptr<Sink>> opened = postgres::open_sink(conninfo_, options);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    sink_ = std::move(opened).value();
  }
  Statement add(const std::string& sql, std::vector<Column> columns) {
    const Status status = sink_->add_statement({.sql = sql, .columns = std::move(columns)});
    EXPECT_TRUE(status.ok()) << status.to_string();
    return {.index = added_++};
  }
  // The error's message; empty if there is none.
  std::string refused(const std::string& sql, std::vector<Column> columns) {
    const Status status = sink_->add_statement({.sql = sql, .columns = std::move(columns)});
    return status.code() == Errc::invalid_argument ? status.message() : status.to_string();
  }
  // Each call is answered at once.
  void begin() {
    EXPECT_TRUE(sink_->begin().ok());
    sink_->pipelined_calls()->wait_for_each(true);
  }
  // Commits one row, with what the statement returned.
  std::vector<ReturnedRow> commit(Statement statement, const Row& row) {
    std::vector<ReturnedRow> returned;
    begin();
    const Reply reply = sink_->apply_returning(statement, row.bytes(), returned);
    EXPECT_TRUE(reply.ok()) << reply.cause.to_string();
    const Reply committed = sink_->commit();
    EXPECT_TRUE(committed.ok()) << committed.cause.to_string();
    return returned;
  }
  std::string applied(std::vector<Application>& records, Reply& failed) {
    return std::to_string(sink_->apply_each(records, failed)) + " of " +
           std::to_string(records.size());
  }
  std::vector<Application> all(Statement statement, const std::vector<Row>& rows, bool shelter) {
    std::vector<Application> out(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out[i].statement = statement;
      out[i].row = rows[i].bytes();
      out[i].shelter = shelter;
    }
    return out;
  }

  std::unique_ptr<Sink> sink_;
  std::uint16_t added_ = 0;
};

TEST_F(PostgresSinkTest, ValuesOfEachTypeComeBackAsTheyWere) {
  open("CREATE TABLE v(i bigint, r double precision, t text, b bytea)");
  const Statement insert =
      add("INSERT INTO v VALUES($1, $2, $3, $4) RETURNING *", {kInteger, kReal, kText, kBlob});
  const std::vector<std::byte> bytes{std::byte{0}, std::byte{0xff}, std::byte{0}, std::byte{7}};
  const auto least = std::numeric_limits<std::int64_t>::min();
  const double tiny = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(commit(insert, row(least, tiny, std::string_view("ä'\\"), std::span(bytes))),
            (std::vector<ReturnedRow>{{least, tiny, std::string("ä'\\"), bytes}}));
  const auto most = std::numeric_limits<std::int64_t>::max();
  const double huge = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(commit(insert, row(most, huge, std::string_view(), std::span<const std::byte>())),
            (std::vector<ReturnedRow>{{most, huge, std::string(), std::vector<std::byte>()}}));
  Row nulls;
  nulls.null().null().null().null();
  EXPECT_EQ(commit(insert, nulls), (std::vector<ReturnedRow>{ReturnedRow(4)}));
}

TEST_F(PostgresSinkTest, ANotANumberAndABooleanComeBackToo) {
  open("CREATE TABLE v(i bigint)");
  const Statement insert =
      add("INSERT INTO v VALUES($1) RETURNING 'NaN'::float8, true, 1.50::numeric", {kInteger});
  const std::vector<ReturnedRow> returned = commit(insert, row(1));
  ASSERT_EQ(returned.size(), 1U);
  EXPECT_TRUE(std::isnan(std::get<double>(returned[0][0])));
  EXPECT_EQ(std::get<std::int64_t>(returned[0][1]), 1);
  EXPECT_EQ(std::get<std::string>(returned[0][2]), "1.50");
}

TEST_F(PostgresSinkTest, ATextGoesIntoWhateverTypeItsColumnHas) {
  open("CREATE TABLE v(u uuid, j jsonb, t timestamptz)");
  const Statement insert = add("INSERT INTO v VALUES($1, $2, $3)", {kText, kText, kText});
  commit(insert, row(std::string_view("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
                     std::string_view(R"({"a": 1})"), std::string_view("2026-01-01 00:00:00Z")));
  EXPECT_EQ(ask("SELECT j->>'a', extract(year FROM t AT TIME ZONE 'UTC') FROM v"), "1|2026");
}

TEST_F(PostgresSinkTest, ATextWithANulByteIsItsRecordsFaultAndTheTransactionGoesOn) {
  open("CREATE TABLE v(t text)");
  const Statement insert = add("INSERT INTO v VALUES($1)", {kText});
  begin();
  const Reply reply = sink_->apply(insert, row(std::string_view("a\0b", 3)).bytes());
  EXPECT_EQ(reply.fault, Fault::record);
  EXPECT_EQ(reply.effect, Effect::undone);
  EXPECT_EQ(reply.cause.message(),
            "column 1 has a NUL byte in its text, and PostgreSQL keeps none; a blob can have it");
  EXPECT_TRUE(sink_->apply(insert, row(std::string_view("ab")).bytes()).ok());
  EXPECT_TRUE(sink_->commit().ok());
  EXPECT_EQ(ask("SELECT t FROM v"), "ab");
}

TEST_F(PostgresSinkTest, AStatementThatIsToBlameIsRefusedWithItsSql) {
  open("CREATE TABLE v(i bigint)");
  EXPECT_EQ(refused("INSERT INTO w VALUES($1)", {kInteger}),
            "relation \"w\" does not exist (SQLSTATE 42P01): INSERT INTO w VALUES($1)");
  EXPECT_EQ(refused("INSERT INTO v VALUES($1)", {kInteger, kInteger}),
            "the SQL has 1 parameters, but the statement is given 2 columns: "
            "INSERT INTO v VALUES($1)");
  EXPECT_EQ(refused("/* a /* b */ */ -- c\n (commit)", {}),
            "the SQL begins with \"commit\"; right is INSERT, UPDATE, DELETE, MERGE, WITH, SELECT "
            "or CALL: /* a /* b */ */ -- c\n (commit)");
  EXPECT_EQ(refused("INSERT INTO v VALUES(1); DELETE FROM v", {}),
            "cannot insert multiple commands into a prepared statement (SQLSTATE 42601): INSERT "
            "INTO v VALUES(1); DELETE FROM v");
  const Statement insert = add("INSERT INTO v VALUES($1)", {kInteger});
  commit(insert, row(1));
  EXPECT_EQ(ask("SELECT count(*) FROM v"), "1");
}

TEST_F(PostgresSinkTest, WithoutShelterAFailureEndsTheTransaction) {
  open("CREATE TABLE v(i bigint PRIMARY KEY)");
  const Statement insert = add("INSERT INTO v VALUES($1)", {kInteger});
  const std::vector<Row> rows{row(1), row(2), row(1), row(3)};
  std::vector<Application> records = all(insert, rows, false);
  begin();
  Reply failed;
  EXPECT_EQ(applied(records, failed), "2 of 4");
  EXPECT_EQ(failed.fault, Fault::record);
  EXPECT_EQ(failed.effect, Effect::ended);
  EXPECT_EQ(failed.cause.constraint(), Constraint::unique);
  EXPECT_EQ(failed.cause.message(),
            "duplicate key value violates unique constraint \"v_pkey\": Key (i)=(1) already "
            "exists. (SQLSTATE 23505)");
  EXPECT_TRUE(sink_->rollback().ok());
  EXPECT_EQ(ask("SELECT count(*) FROM v"), "0");
}

TEST_F(PostgresSinkTest, WithShelterOnlyTheCulpritIsUndone) {
  open("CREATE TABLE v(i bigint PRIMARY KEY)");
  const Statement insert = add("INSERT INTO v VALUES($1)", {kInteger});
  const std::vector<Row> rows{row(1), row(2), row(1), row(3)};
  std::vector<Application> records = all(insert, rows, true);
  begin();
  Reply failed;
  EXPECT_EQ(applied(records, failed), "2 of 4");
  EXPECT_EQ(failed.effect, Effect::undone);
  const std::size_t rest = sink_->apply_each(std::span(records).subspan(3), failed);
  EXPECT_EQ(rest, 1U);
  EXPECT_TRUE(failed.ok());
  EXPECT_TRUE(sink_->commit().ok());
  EXPECT_EQ(ask("SELECT i FROM v ORDER BY i"), "1 2 3");
}

TEST_F(PostgresSinkTest, ShelteredRowsThatAreTooLargeToReturnAreUndone) {
  open("CREATE TABLE v(i bigint)");
  const Statement insert =
      add("INSERT INTO v VALUES($1) RETURNING repeat('x', $1::int)", {kInteger});
  const std::vector<Row> rows{row(10), row(100'000), row(20)};
  std::vector<Application> records = all(insert, rows, true);
  for (Application& each : records) each.wants_returned = true;
  begin();
  Reply failed;
  EXPECT_EQ(applied(records, failed), "1 of 3");
  EXPECT_EQ(failed.fault, Fault::record);
  EXPECT_EQ(failed.effect, Effect::undone);
  EXPECT_EQ(sink_->apply_each(std::span(records).subspan(2), failed), 1U);
  EXPECT_TRUE(sink_->commit().ok());
  EXPECT_EQ(ask("SELECT i FROM v ORDER BY i"), "10 20");
}

TEST_F(PostgresSinkTest, ATransactionThatFailedCommitsNothing) {
  open("CREATE TABLE v(i bigint PRIMARY KEY)");
  const Statement insert = add("INSERT INTO v VALUES($1)", {kInteger});
  begin();
  EXPECT_TRUE(sink_->apply(insert, row(1).bytes()).ok());
  EXPECT_FALSE(sink_->apply(insert, row(1).bytes()).ok());
  const Reply reply = sink_->commit();
  EXPECT_EQ(reply.effect, Effect::ended);
  EXPECT_TRUE(sink_->rollback().ok());
  EXPECT_EQ(ask("SELECT count(*) FROM v"), "0");
  EXPECT_TRUE(sink_->probe().ok());
}

TEST_F(PostgresSinkTest, TheLevelIsTheOneThatWasChosenWhateverAFunctionSets) {
  for (const auto& [level, name] :
       {std::pair(postgres::SynchronousCommit::off, "off"),
        std::pair(postgres::SynchronousCommit::local, "local"),
        std::pair(postgres::SynchronousCommit::remote_write, "remote_write"),
        std::pair(postgres::SynchronousCommit::remote_apply, "remote_apply"),
        std::pair(postgres::SynchronousCommit::on, "on")}) {
    open("CREATE TABLE IF NOT EXISTS v(i bigint); CREATE TABLE IF NOT EXISTS seen(level text)",
         {.synchronous_commit = level});
    // The table of commits is written last.
    ask("CREATE OR REPLACE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE "
        "FROM seen; INSERT INTO seen VALUES(current_setting('synchronous_commit')); RETURN NEW; "
        "END $$; CREATE OR REPLACE TRIGGER look BEFORE UPDATE ON onelane_commits FOR EACH ROW "
        "EXECUTE FUNCTION look()");
    added_ = 0;
    const Statement lower =
        add("WITH s AS (SELECT set_config('synchronous_commit', 'off', false)) INSERT INTO v "
            "SELECT $1 FROM s",
            {kInteger});
    commit(lower, row(1));
    EXPECT_EQ(ask("SELECT level FROM seen"), name);
    EXPECT_EQ(sink_->commit_is_durable(), level != postgres::SynchronousCommit::off);
    sink_.reset();
  }
}

TEST_F(PostgresSinkTest, EachOpeningHasAnEpochAboveThoseBeforeAndItsOwnMarks) {
  std::uint64_t before = 0;
  for (std::uint64_t commit = 1; commit <= 3; ++commit) {
    open("");
    Watermark& watermark = *sink_->watermark();
    EXPECT_GT(watermark.epoch(), before);
    if (before != 0) {
      EXPECT_EQ(*watermark.commits_of(before), commit - 1);
    }
    EXPECT_EQ(*watermark.commits_of(watermark.epoch()), 0U);
    begin();
    EXPECT_TRUE(watermark.mark(commit).ok());
    EXPECT_TRUE(sink_->commit().ok());
    EXPECT_TRUE(sink_->probe().ok());
    EXPECT_EQ(*watermark.commits_of(watermark.epoch()), commit);
    before = watermark.epoch();
    sink_.reset();
  }
  open("");
  EXPECT_EQ(sink_->watermark()->commits_of(99).status().code(), Errc::invalid_argument);
}

TEST_F(PostgresSinkTest, AMarkThatWasRolledBackIsNotInTheStore) {
  open("");
  Watermark& watermark = *sink_->watermark();
  begin();
  EXPECT_TRUE(watermark.mark(7).ok());
  EXPECT_TRUE(sink_->rollback().ok());
  EXPECT_TRUE(sink_->probe().ok());
  EXPECT_EQ(*watermark.commits_of(watermark.epoch()), 0U);
}

TEST_F(PostgresSinkTest, APrefixHasOneJournalAtATime) {
  open("");
  const Result<std::unique_ptr<Sink>> second = postgres::open_sink(conninfo_);
  EXPECT_EQ(second.status().code(), Errc::already_open);
  EXPECT_NE(second.status().message().find("another journal has the prefix \"onelane\""),
            std::string::npos)
      << second.status().message();
  EXPECT_TRUE(postgres::open_sink(conninfo_, {.prefix = "other"}).ok());
  sink_.reset();
  EXPECT_TRUE(postgres::open_sink(conninfo_).ok());
}

TEST_F(PostgresSinkTest, TablesOfOursThatAreDroppedAreMadeAgain) {
  open("CREATE TABLE v(i bigint)");
  const Statement insert = add("INSERT INTO v VALUES($1)", {kInteger});
  ask("DROP TABLE onelane_commits, onelane_positions");
  begin();
  EXPECT_TRUE(sink_->apply(insert, row(1).bytes()).ok());
  const Reply reply = sink_->commit();
  EXPECT_EQ(reply.fault, Fault::environment);
  EXPECT_EQ(reply.effect, Effect::ended);
  EXPECT_TRUE(sink_->rollback().ok());
  commit(insert, row(2));
  EXPECT_EQ(ask("SELECT i FROM v"), "2");
}

TEST_F(PostgresSinkTest, AStatementSurvivesAChangeOfItsTable) {
  open("CREATE TABLE v(i bigint)");
  const Statement insert = add("INSERT INTO v(i) VALUES($1) RETURNING *", {kInteger});
  commit(insert, row(1));
  ask("ALTER TABLE v ADD COLUMN j bigint DEFAULT 5");
  begin();
  std::vector<ReturnedRow> returned;
  const Reply reply = sink_->apply_returning(insert, row(2).bytes(), returned);
  EXPECT_EQ(reply.fault, Fault::environment) << reply.cause.to_string();
  EXPECT_TRUE(sink_->rollback().ok());
  EXPECT_EQ(commit(insert, row(3)), (std::vector<ReturnedRow>{{std::int64_t{3}, std::int64_t{5}}}));
}

}  // namespace
}  // namespace onelane::test
