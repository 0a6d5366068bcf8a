// onelane move takes a service over: its rows, and its intake's tail exactly once.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "onelane/onelane.h"
#include "onelane/postgres.h"
#include "tests/support/move_fixture.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

class MovedService : public MoveTest {
 protected:
  static constexpr char kInsert[] = "INSERT INTO peers(id) VALUES($1)";  // of both dialects

  struct Service {
    Journal journal;
    WriteClass peers;
    Statement insert;

    void push(std::int64_t id) {
      const Result<Receipt> receipt = peers.submit(insert, row(id));
      ASSERT_TRUE(receipt.ok()) << receipt.status().to_string();
    }
  };

  JournalOptions journal_options() {
    JournalOptions out{.drive = Drive::manual};
    out.intake.folder = folder_ / "intake";
    out.intake.segment_bytes = std::uint64_t{64} * 1024;
    out.intake.most_bytes = std::uint64_t{256} * 1024;
    out.intake.dead_letters = "dead";
    return out;
  }
  Service with_class(Result<Journal> opened, Duration gather, const char* sql = kInsert) {
    if (!opened) throw std::runtime_error(opened.status().to_string());
    Service out{.journal = *std::move(opened), .peers = {}, .insert = {}};
    out.peers = out.journal
                    .add_class({.name = "peers",
                                .guarantee = {.records = 512, .bytes = std::uint64_t{1} << 20U},
                                .gather = gather,
                                .promise = Promise::journaled,
                                .intake = true})
                    .value();
    out.insert =
        out.journal.add_statement({.sql = sql, .columns = {{ColumnType::integer, false}}}).value();
    return out;
  }
  // `gather`: 1 h commits nothing, so that what is journaled is not applied.
  Service on_sqlite(Duration gather = 0s, const char* sql = kInsert) {
    JournalOptions options = journal_options();
    options.schema = "CREATE TABLE IF NOT EXISTS peers(id INTEGER PRIMARY KEY CHECK (id <> 13))";
    return with_class(Journal::open(file(), options), gather, sql);
  }
  Service on_postgres() { return with_class(postgres::open(conninfo_, journal_options()), 0s); }
  static void flush(Service& service) {
    Status status = service.journal.flush();
    for (int i = 0; status.code() == Errc::would_block && i < 2000; ++i) {
      pause();
      status = service.journal.flush();
    }
    EXPECT_TRUE(status.ok()) << status.to_string();
  }

  // What the disk has now, elsewhere, as after a kill: the next calls go on there.
  void kill(Service service) {
    const std::filesystem::path to = folder_ / "killed";
    std::filesystem::create_directory(to);
    for (const char* name : {"test.db", "test.db-wal", "intake"}) {
      if (!std::filesystem::exists(folder_ / name)) continue;
      std::filesystem::copy(folder_ / name, to / name, std::filesystem::copy_options::recursive);
    }
    service.journal = {};
    for (const char* name : {"test.db", "test.db-wal", "test.db-shm", "intake"}) {
      std::filesystem::remove_all(folder_ / name);
      if (std::filesystem::exists(to / name)) std::filesystem::rename(to / name, folder_ / name);
    }
  }
  // Rows in the order in which they were inserted.
  void number_rows() {
    ask("CREATE TABLE peers(id bigint PRIMARY KEY CHECK (id <> 13), at bigint GENERATED ALWAYS AS "
        "IDENTITY)");
  }
  std::string in_order() { return ask("SELECT id FROM peers ORDER BY at"); }
  std::string position() {
    return ask("SELECT position FROM onelane_positions WHERE class = 'peers'");
  }
};

TEST_F(MovedService, AppliesTheTailOnceAndInOrder) {
  number_rows();
  Service before = on_sqlite();
  for (const int id : {1, 2, 3, 4, 5}) before.push(id);
  flush(before);
  EXPECT_TRUE(before.journal.close(10s).status.ok());
  Service tail = on_sqlite(1h);
  for (const int id : {9, 7, 13, 8, 6}) tail.push(id);
  (void)tail.journal.tick();
  kill(std::move(tail));
  ASSERT_EQ(lite("SELECT group_concat(id) FROM peers"), "1,2,3,4,5");

  const tools::Move moved = move();
  EXPECT_TRUE(moved.final);
  EXPECT_EQ(in_words(moved), "peers: 5 rows, 5 copied, 0 changed, 0 deleted");
  EXPECT_EQ(position(), "5");
  {
    Service after = on_postgres();
    EXPECT_EQ(in_order(), "1 2 3 4 5 9 7 8 6");
    EXPECT_EQ(ask("SELECT class, position, \"row\" FROM onelane_dead_letters"), "peers|8|13");
    EXPECT_EQ(position(), "10");
    after.push(20);
    after.push(19);
    flush(after);
    EXPECT_EQ(position(), "12");
    EXPECT_TRUE(after.journal.close(10s).status.ok());
  }
  Service again = on_postgres();
  EXPECT_EQ(in_order(), "1 2 3 4 5 9 7 8 6 20 19");
}

TEST_F(MovedService, IsCopiedWhileItRunsAndTakenOverWhenItHasStopped) {
  number_rows();
  Service service = on_sqlite();
  std::int64_t newest = 100;
  for (; newest < 3000; ++newest) service.push(newest);
  flush(service);
  Command first(both());
  while (!first.ended()) {
    service.push(newest++);
    (void)service.journal.tick();
  }
  const Ended copied = first.wait();
  EXPECT_EQ(copied.code, 0) << copied.said;
  expect_contains(copied.said, "final: no; the service runs, or SQLite was written: stop");

  for (int i = 0; i < 50; ++i) service.push(newest++);
  flush(service);
  EXPECT_TRUE(service.journal.close(10s).status.ok());
  Service tail = on_sqlite(1h);
  for (int i = 0; i < 20; ++i) tail.push(newest++);
  (void)tail.journal.tick();
  kill(std::move(tail));

  const std::uint64_t before = std::stoull(ask("SELECT count(*) FROM peers"));
  const std::uint64_t rows = std::stoull(lite("SELECT count(*) FROM peers"));
  EXPECT_EQ(rows, static_cast<std::uint64_t>(newest - 20 - 100));
  const tools::Move second = move();
  EXPECT_TRUE(second.final);
  EXPECT_FALSE(second.intake.clean);
  EXPECT_EQ(second.tables[0].moved.copied, rows - before);
  EXPECT_EQ(second.tables[0].moved.rows, rows);
  EXPECT_GE(before, 2900U);

  Service after = on_postgres();
  EXPECT_EQ(ask("SELECT count(*), min(id), max(id), count(DISTINCT id) FROM peers"),
            std::to_string(newest - 100) + "|100|" + std::to_string(newest - 1) + "|" +
                std::to_string(newest - 100));
  EXPECT_EQ(ask("SELECT bool_and(id - at = 99) FROM peers"), "t");
  EXPECT_EQ(position(), std::to_string(newest - 100));
}

TEST_F(MovedService, HasUnitsOfSqlThatOnlySqliteKnowsAmongTheDeadLetters) {
  Service tail = on_sqlite(1h, "INSERT OR IGNORE INTO peers(id) VALUES(?1)");
  tail.push(4);
  (void)tail.journal.tick();
  kill(std::move(tail));
  move();
  Service after = on_postgres();
  after.push(5);
  flush(after);
  EXPECT_EQ(ask("SELECT id FROM peers"), "5");
  EXPECT_EQ(ask("SELECT class, position, \"row\" FROM onelane_dead_letters"), "peers|1|4");
  EXPECT_EQ(position(), "2");
}

TEST_F(MovedService, ThatWasClosedInGoodOrderNeedsNoTail) {
  Service service = on_sqlite();
  service.push(1);
  flush(service);
  EXPECT_TRUE(service.journal.close(10s).status.ok());
  const tools::Move moved = move();
  EXPECT_TRUE(moved.intake.clean);
  std::filesystem::remove_all(folder_ / "intake");
  Service after = on_postgres();
  after.push(2);
  flush(after);
  EXPECT_EQ(ask("SELECT id FROM peers ORDER BY id"), "1 2");
  EXPECT_EQ(position(), "2");
}

TEST_F(MovedService, WithoutItsIntakeIsRefusedWhereATailMayBe) {
  Service tail = on_sqlite(1h);
  tail.push(1);
  (void)tail.journal.tick();
  kill(std::move(tail));
  move();
  std::filesystem::remove_all(folder_ / "intake");
  const Result<Journal> opened = postgres::open(conninfo_, journal_options());
  ASSERT_FALSE(opened.ok());
  expect_contains(opened.status().message(), "is gone, and this database was not closed in good");
}

// As the database itself does, such a copy opens without the intake that its mark names.
TEST_F(MovedService, ThatIsACopyOfSqlitesOwnNeedsNoIntake) {
  Service service = on_sqlite();
  service.push(1);
  flush(service);
  kill(std::move(service));
  lite("VACUUM INTO '" + (folder_ / "copy.db").string() + "'");
  tools::MoveOptions copy = options();
  copy.database = folder_ / "copy.db";
  EXPECT_TRUE(tools::move_database(copy).intake.clean);
  std::filesystem::remove_all(folder_ / "intake");
  Service after = on_postgres();
  EXPECT_EQ(ask("SELECT id FROM peers"), "1");
}

// The service went on after the copy, and nobody moved it again.
TEST_F(MovedService, IsRefusedWithACopyThatIsTooOld) {
  Service service = on_sqlite();
  service.push(1);
  flush(service);
  Command first(both());
  EXPECT_EQ(first.wait().code, 0);
  for (int id = 2; id < 3000; ++id) service.push(id);
  flush(service);
  EXPECT_TRUE(service.journal.close(10s).status.ok());
  const Result<Journal> opened = postgres::open(conninfo_, journal_options());
  ASSERT_FALSE(opened.ok());
  expect_contains(opened.status().message(), "the database was replaced by an older one");
}

}  // namespace
}  // namespace onelane::test
