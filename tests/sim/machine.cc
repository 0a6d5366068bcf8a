#include "tests/sim/machine.h"

#include <sqlite3.h>

#include <utility>

#include "tests/sim/foreign.h"

namespace onelane::test {

const char* const kSimulationSchema =
    "CREATE TABLE IF NOT EXISTS applied(at INTEGER PRIMARY KEY, unit INTEGER, part INTEGER,"
    "  words TEXT CHECK(words <> 'bad'), subject INTEGER);"
    "CREATE TABLE IF NOT EXISTS homes(name TEXT PRIMARY KEY);"
    "CREATE TABLE IF NOT EXISTS watched(unit INTEGER, part INTEGER, words TEXT,"
    "  home REFERENCES homes DEFERRABLE INITIALLY DEFERRED);"
    "CREATE TRIGGER IF NOT EXISTS watch AFTER INSERT ON watched BEGIN"
    "  INSERT INTO applied(unit, part, words) VALUES(new.unit, new.part, new.words);"
    "  SELECT RAISE(FAIL, 'fails') WHERE new.words = 'fail';"
    "  SELECT RAISE(ABORT, 'aborts') WHERE new.words = 'abort';"
    "  SELECT RAISE(ROLLBACK, 'rolls back') WHERE new.words = 'rollback'; END;"
    "CREATE TABLE IF NOT EXISTS foreign_rows(id INTEGER PRIMARY KEY, words TEXT);";

namespace {

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) {
    code_ = sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool next() {
    if (code_ == SQLITE_OK || code_ == SQLITE_ROW) code_ = sqlite3_step(statement_);
    return code_ == SQLITE_ROW;
  }
  bool ended_well() const { return code_ == SQLITE_DONE; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) const {
    const unsigned char* found = sqlite3_column_text(statement_, column);
    return found == nullptr ? "NULL" : reinterpret_cast<const char*>(found);
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int code_ = SQLITE_OK;
};

void read(sqlite3* db, Machine::Found& out) {
  Statement check(db, "PRAGMA integrity_check");
  while (check.next()) {
    if (check.text(0) != "ok") out.damage += check.text(0) + "; ";
  }
  Statement tables(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'foreign_rows'");
  const bool there = tables.next() && tables.integer(0) == 1;
  Statement rows(db, there ? "SELECT unit, part FROM applied ORDER BY at"
                           : "SELECT 0, 0 FROM sqlite_schema WHERE 0");
  while (rows.next()) {
    out.rows.push_back({.unit = static_cast<std::uint64_t>(rows.integer(0)),
                        .part = static_cast<std::uint32_t>(rows.integer(1))});
  }
  if (!check.ended_well() || !rows.ended_well()) out.damage += sqlite3_errmsg(db);
}

}  // namespace

Machine::Machine(std::string database)
    : database_(std::move(database)),
      vfs_("simulated", DiskVfs::Use::by_default),
      own_vfs_("machine", DiskVfs::Use::by_name) {
  make_blanks();
}

void Machine::make_blanks() {
  for (std::size_t i = 0; i < kPageSizes; ++i) {
    const std::shared_ptr<Disk> disk = Disk::make();
    mount(disk);
    Foreign maker(database_);
    maker.run("PRAGMA page_size=" + std::to_string(512U << i) + "; CREATE TABLE other(x);");
    maker.close();
    blanks_[i] = disk->content();
  }
}

Machine::Found Machine::look(const Image& image) {
  Found out;
  if (!image.contains(database_)) return out;
  own_vfs_.mount(Disk::make(image));
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(database_.c_str(), &db,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, own_vfs_.name());
  if (code == SQLITE_OK) {
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    read(db, out);
  } else {
    out.damage = sqlite3_errstr(code);
  }
  sqlite3_close(db);
  return out;
}

Image Machine::without_log(Image image) const {
  std::erase_if(image, [this](const auto& file) { return file.first != database_; });
  return image;
}

}  // namespace onelane::test
