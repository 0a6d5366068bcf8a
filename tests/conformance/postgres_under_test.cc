#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "onelane/postgres.h"
#include "tests/conformance/sinks.h"
#include "tests/support/postgres_fixture.h"

namespace onelane::test {

namespace {

using testing::StoredThing;

constexpr char kTables[] =
    "CREATE TABLE IF NOT EXISTS things("
    "  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    "  id bigint NOT NULL UNIQUE,"
    "  text text NOT NULL CHECK(text <> 'refused'),"
    "  parent bigint REFERENCES things(id) DEFERRABLE INITIALLY DEFERRED);"
    "CREATE TABLE IF NOT EXISTS samples(i bigint, r double precision, t text, b bytea)";

// The server ends the sink's own backend in the first commit of units. A sequence, since what it
// counts is not rolled back.
constexpr char kBreak[] =
    "CREATE SEQUENCE IF NOT EXISTS breaks; SELECT setval('breaks', 1, false);"
    "CREATE OR REPLACE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF nextval('breaks') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; "
    "RETURN NEW; END $$;"
    "CREATE OR REPLACE TRIGGER cut BEFORE UPDATE ON onelane_commits FOR EACH ROW "
    "WHEN (NEW.commits <> OLD.commits) EXECUTE FUNCTION cut()";

std::string schema_for_a_store() {
  static int made = 0;
  return "store" + std::to_string(++made);
}

// A schema of its own: that is made much faster than a database.
class PostgresStore final : public testing::StoreUnderTest {
 public:
  PostgresStore() { neighbour_.ask("CREATE SCHEMA " + schema_); }

  Result<std::unique_ptr<Sink>> open() override {
    return postgres::open_sink(conninfo_, {.schema = kTables});
  }
  std::vector<StoredThing> things() override {
    std::vector<StoredThing> out;
    std::istringstream rows(neighbour_.ask("SELECT id, text FROM things ORDER BY seq"));
    for (std::string row; rows >> row;) {
      const std::size_t bar = row.find('|');
      out.push_back({std::stoll(row.substr(0, bar)), row.substr(bar + 1)});
    }
    return out;
  }
  std::optional<std::size_t> dead_letters() override {
    return std::stoul(neighbour_.ask("SELECT count(*) FROM onelane_dead_letters"));
  }
  void break_next_commit() override { neighbour_.ask(kBreak); }

 private:
  const std::string schema_ = schema_for_a_store();
  const std::string conninfo_ =
      shared_server()->conninfo() + " dbname=postgres options='-c search_path=" + schema_ + "'";
  Neighbour neighbour_{conninfo_};
};

}  // namespace

std::string no_postgres() {
#ifdef ONELANE_POSTGRES_SERVER
  return {};
#else
  return "there is no PostgreSQL server here to start";
#endif
}

testing::SinkUnderTest postgres_under_test() {
  return {
      .name = "postgres",
      .sql = {.put = "INSERT INTO things(id, text) VALUES($1, $2)",
              .set = "INSERT INTO things(id, text) VALUES($1, $2) "
                     "ON CONFLICT(id) DO UPDATE SET text = excluded.text",
              .remove = "DELETE FROM things WHERE id = $1",
              .put_child = "INSERT INTO things(id, text, parent) VALUES($1, 'child', $2)",
              .put_mistyped = "INSERT INTO things(id, text) VALUES($1, $2)",
              .put_values = "INSERT INTO samples(i, r, t, b) VALUES($1, $2, $3, $4) "
                            "RETURNING i, r, t, b",
              .select = "SELECT id, text FROM things ORDER BY seq"},
      .absences = {{testing::Ability::rowids, "PostgreSQL's rows have no numbers"}},
      .make_store = [] { return std::make_unique<PostgresStore>(); },
  };
}

}  // namespace onelane::test
