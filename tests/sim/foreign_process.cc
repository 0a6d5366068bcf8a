#include "tests/sim/foreign_process.h"

#include <sqlite3.h>

namespace onelane::test {

namespace {

// Versions whose checkpoints may damage a database beside anybody's commit.
constexpr int kResetBugFixed = 3'051'003;

bool damaged(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

}  // namespace

void ForeignProcess::act(const Disk& disk, const Journal& journal) {
  if (connection_.running()) return;
  const std::uint64_t failures = disk.failures();
  const std::size_t what = below(world_.random, 10);
  bool done = false;
  if (connection_.in_transaction()) {
    if (what < 5) done = run(disk, "COMMIT");
  } else {
    done = begin(disk, what);
  }
  world_.trace.add("foreign", what, done ? 1 : 0);
  if (!connection_.in_transaction()) {
    const bool busy = connection_.code() == SQLITE_BUSY;
    settle(done, busy && disk.failures() == failures && !disk.dead(), journal);
  }
}

// Outside a transaction.
bool ForeignProcess::begin(const Disk& disk, std::size_t what) {
  if (what == 0 && features_.locks) return run(disk, "BEGIN IMMEDIATE; " + insertion());
  if (what == 1 && features_.readers) return run(disk, "BEGIN; SELECT count(*) FROM applied");
  if (features_.schema_changes && features_.upserts && (what == 2 || what > 7))
    return change_schema(disk);
  if (what == 3 && features_.leaving) {
    close();
    return true;
  }
  if (what == 4 && sqlite3_libversion_number() >= kResetBugFixed) {
    return run(disk, "PRAGMA wal_checkpoint");
  }
  return what < 7 ? read(disk) : run(disk, insertion());
}

bool ForeignProcess::run(const Disk& disk, const std::string& sql) {
  const bool done = connection_.run(sql);
  if (!done && damaged(connection_.code()) && !disk.dead() && wrong_.empty()) {
    wrong_ = "another process finds the database damaged";
  }
  return done && !disk.dead();
}

std::string ForeignProcess::insertion() {
  pending_ = world_.history.begin_foreign();
  return "INSERT INTO foreign_rows VALUES(" + std::to_string(*pending_) + ", 'somebody else''s')";
}

// `unhurt`: if it was not done, that is because somebody else held a lock.
void ForeignProcess::settle(bool done, bool unhurt, const Journal& journal) {
  if (!pending_) return;
  const std::uint64_t committed = done ? journal.stats().committed : 0;
  const ForeignEnd not_done = unhurt ? ForeignEnd::gone : ForeignEnd::unknown;
  world_.history.tell_foreign(*pending_, done ? ForeignEnd::committed : not_done, committed);
  pending_.reset();
}

bool ForeignProcess::read(const Disk& disk) {
  Content content;
  const std::uint64_t told = world_.history.told();
  const bool done = connection_.read(content);
  if (disk.dead() || !wrong_.empty()) return false;
  if (!done) {
    if (damaged(connection_.code())) wrong_ = "another process finds the database damaged";
    return false;
  }
  if (const std::string wrong = world_.history.read(content, told); !wrong.empty()) {
    wrong_ = "another process reads what cannot be: " + wrong;
  }
  return true;
}

bool ForeignProcess::change_schema(const Disk& disk) {
  NeededIndex& index = world_.index;
  const std::size_t what = below(world_.random, 10);
  if (what == 0) {
    const std::string name = std::to_string(world_.history.units());
    return run(disk, "ALTER TABLE latest ADD COLUMN more_" + name);
  }
  if (what == 1) {
    return run(disk,
               "BEGIN IMMEDIATE; DROP INDEX IF EXISTS latest_name;"
               "CREATE UNIQUE INDEX latest_name ON latest(name); COMMIT");
  }
  if (!index.missing) {
    index.missing = true;
    ++index.drops;
    return run(disk, "DROP INDEX IF EXISTS latest_name");
  }
  const bool made = run(disk, "CREATE UNIQUE INDEX IF NOT EXISTS latest_name ON latest(name)");
  index.missing = !made;
  return made;
}

void ForeignProcess::close() {
  if (connection_.running()) return;
  connection_.close();
  if (pending_) world_.history.tell_foreign(*pending_, ForeignEnd::gone, 0);
  pending_.reset();
}

}  // namespace onelane::test
