#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "src/sqlite/sink/sqlite_sink.h"
#include "tests/conformance/sinks.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {

namespace {

using testing::StoredThing;

constexpr char kTables[] =
    "CREATE TABLE IF NOT EXISTS things("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  id INTEGER NOT NULL UNIQUE,"
    "  text TEXT NOT NULL CHECK(text <> 'refused'),"
    "  parent INTEGER REFERENCES things(id) DEFERRABLE INITIALLY DEFERRED) STRICT;"
    "CREATE TABLE IF NOT EXISTS samples(i INTEGER, r REAL, t TEXT, b BLOB) STRICT";

class SqliteStore final : public testing::StoreUnderTest {
 public:
  ~SqliteStore() override { EXPECT_EQ(vfs_.failures(), broken_) << "a broken commit went well"; }

  Result<std::unique_ptr<Sink>> open() override {
    JournalOptions options;
    options.schema = kTables;
    options.watermark_table = "watermark";
    options.intake.dead_letters = "dead_letters";
    return sqlite::open_sink(database_, options);
  }
  std::vector<StoredThing> things() override {
    std::vector<StoredThing> out;
    std::istringstream rows(query(database_, "SELECT id, text FROM things ORDER BY seq"));
    for (std::string row; rows >> row;) {
      const std::size_t bar = row.find('|');
      out.push_back({std::stoll(row.substr(0, bar)), row.substr(bar + 1)});
    }
    return out;
  }
  std::optional<std::size_t> dead_letters() override {
    // The first intake makes the table.
    const std::string count = query(database_, "SELECT count(*) FROM dead_letters");
    return count.starts_with("error") ? 0 : std::stoul(count);
  }
  void break_next_commit() override {
    ++broken_;
    vfs_.fail({.call = VfsCall::write, .file = VfsFile::log, .code = SQLITE_IOERR_WRITE});
  }

 private:
  FaultyVfs vfs_;
  std::uint64_t broken_ = 0;
  // Where syncs cost nothing.
  TempDirectory folder_{TempDirectory::Where::in_memory};
  std::filesystem::path database_ = folder_ / "store.db";
};

}  // namespace

testing::SinkUnderTest sqlite_under_test() {
  return {
      .name = "sqlite",
      .sql = {.put = "INSERT INTO things(id, text) VALUES(?1, ?2)",
              .set = "INSERT INTO things(id, text) VALUES(?1, ?2) "
                     "ON CONFLICT(id) DO UPDATE SET text = excluded.text",
              .remove = "DELETE FROM things WHERE id = ?1",
              .put_child = "INSERT INTO things(id, text, parent) VALUES(?1, 'child', ?2)",
              .put_mistyped = "INSERT INTO things(id, text) VALUES(?1, ?2)",
              .put_values = "INSERT INTO samples(i, r, t, b) VALUES(?1, ?2, ?3, ?4) "
                            "RETURNING i, r, t, b",
              .select = "SELECT id, text FROM things ORDER BY seq"},
      .absences = {{testing::Ability::pipelining, "SQLite answers each call at once"}},
      .make_store = [] { return std::make_unique<SqliteStore>(); },
  };
}

}  // namespace onelane::test
