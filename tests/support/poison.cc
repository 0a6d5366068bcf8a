#include "tests/support/poison.h"

#include <sqlite3.h>

namespace onelane::test {

namespace {

constexpr std::string_view kTakenWord = "UNIQUE constraint failed: plain.word";

}  // namespace

constexpr std::string_view kPoisonSchemaText = R"sql(
  CREATE TABLE plain(id INTEGER PRIMARY KEY, word NOT NULL UNIQUE,
                     CONSTRAINT no_bad_word CHECK(word <> 'bad'));
  CREATE TABLE failing(id INTEGER PRIMARY KEY, word UNIQUE ON CONFLICT FAIL);
  CREATE TABLE rolling(id INTEGER PRIMARY KEY, word UNIQUE ON CONFLICT ROLLBACK);
  CREATE TABLE watched(id INTEGER PRIMARY KEY, word);
  CREATE TABLE audit(id, word);
  CREATE TRIGGER watch AFTER INSERT ON watched BEGIN
    INSERT INTO audit VALUES(new.id, new.word);
    SELECT RAISE(FAIL, 'the trigger fails') WHERE new.word = 'fail';
    SELECT RAISE(ABORT, 'the trigger aborts') WHERE new.word = 'abort';
    SELECT RAISE(ROLLBACK, 'the trigger rolls back') WHERE new.word = 'rollback';
  END;
  CREATE TABLE homes(name TEXT PRIMARY KEY);
  INSERT INTO homes VALUES('known');
  CREATE TABLE children(id INTEGER PRIMARY KEY, word,
                        late REFERENCES homes DEFERRABLE INITIALLY DEFERRED,
                        now REFERENCES homes);
  INSERT INTO plain VALUES(0, 'taken');
  INSERT INTO failing VALUES(0, 'taken');
  INSERT INTO rolling VALUES(0, 'taken');
)sql";

const std::string_view kPoisonSchema = kPoisonSchemaText;

const std::array<std::string_view, 5> kPoisonTables = {"plain", "failing", "rolling", "watched",
                                                       "children"};

const std::array<PoisonKind, 14> kPoisonKinds = {{
    {"OrFailInTheSchema", "failing", "INSERT INTO failing VALUES(?1, ?2), (-?1, ?3)", "taken",
     Takes::own_rows, SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: failing.word"},
    {"RaiseFail", "watched", "INSERT INTO watched VALUES(?1, ?2), (-?1, ?3)", "fail",
     Takes::own_rows, SQLITE_CONSTRAINT_TRIGGER, "the trigger fails"},
    {"RaiseRollback", "watched", "INSERT INTO watched VALUES(?1, ?2), (-?1, ?3)", "rollback",
     Takes::transaction, SQLITE_CONSTRAINT_TRIGGER, "the trigger rolls back"},
    {"DeferredKey", "children",
     "INSERT INTO children VALUES(?1, ?2, 'known', 'known'), "
     "(-?1, ?3, iif(?3 = 'orphan', ?3, 'known'), 'known')",
     "orphan", Takes::own_rows, SQLITE_CONSTRAINT_FOREIGNKEY,
     "FOREIGN KEY constraint failed: a deferred key still has no row to refer to"},
    {"OrFailInTheStatement", "plain", "INSERT OR FAIL INTO plain VALUES(?1, ?2), (-?1, ?3)",
     "taken", Takes::own_rows, SQLITE_CONSTRAINT_UNIQUE, kTakenWord},
    {"OrRollbackInTheStatement", "plain", "INSERT OR ROLLBACK INTO plain VALUES(?1, ?2), (-?1, ?3)",
     "taken", Takes::transaction, SQLITE_CONSTRAINT_UNIQUE, kTakenWord},
    {"OrRollbackInTheSchema", "rolling", "INSERT INTO rolling VALUES(?1, ?2), (-?1, ?3)", "taken",
     Takes::transaction, SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: rolling.word"},
    {"Unique", "plain", "INSERT INTO plain VALUES(?1, ?2), (-?1, ?3)", "taken", Takes::nothing,
     SQLITE_CONSTRAINT_UNIQUE, kTakenWord},
    {"Check", "plain", "INSERT INTO plain VALUES(?1, ?2), (-?1, ?3)", "bad", Takes::nothing,
     SQLITE_CONSTRAINT_CHECK, "CHECK constraint failed: no_bad_word"},
    {"NotNull", "plain", "INSERT INTO plain VALUES(?1, ?2), (-?1, nullif(?3, 'null'))", "null",
     Takes::nothing, SQLITE_CONSTRAINT_NOTNULL, "NOT NULL constraint failed: plain.word"},
    {"RaiseAbort", "watched", "INSERT INTO watched VALUES(?1, ?2), (-?1, ?3)", "abort",
     Takes::own_rows, SQLITE_CONSTRAINT_TRIGGER, "the trigger aborts"},
    {"KeyAtOnce", "children",
     "INSERT INTO children VALUES(?1, ?2, 'known', 'known'), "
     "(-?1, ?3, 'known', iif(?3 = 'orphan', ?3, 'known'))",
     "orphan", Takes::nothing, SQLITE_CONSTRAINT_FOREIGNKEY, "FOREIGN KEY constraint failed"},
    {"Mismatch", "plain", "INSERT INTO plain VALUES(?1, ?2), (iif(?3 = 'no id', ?3, -?1), ?3)",
     "no id", Takes::nothing, SQLITE_MISMATCH, "datatype mismatch"},
    {"TooBig", "plain",
     "INSERT INTO plain VALUES(?1, ?2), (-?1, iif(?3 = 'huge', zeroblob(2000000000), ?3))", "huge",
     Takes::nothing, SQLITE_TOOBIG, "string or blob too big"},
}};

StatementSpec spec_of(const PoisonKind& kind) {
  return {.sql = std::string(kind.sql),
          .columns = {{ColumnType::integer}, {ColumnType::text}, {ColumnType::text}}};
}

Row healthy_row(std::int64_t id) {
  Row row;
  put(row, id, first_word(id), second_word(id));
  return row;
}

Row poison_row(const PoisonKind& kind, std::int64_t id) {
  Row row;
  put(row, id, first_word(id), kind.bad_word);
  return row;
}

}  // namespace onelane::test
