// A journal with a class that has an intake, on real SQLite and the real file system, moved by
// hand: tick() first journals what is queued. A crash is a copy of the files, opened beside.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "tests/support/sqlite_journal_fixture.h"

namespace onelane::test {

class IntakeJournal : public SqliteJournalFixture {
 protected:
  IntakeJournal() {
    options_.intake.segment_bytes = 64 * kKiB;
    options_.intake.most_bytes = 4 * 64 * kKiB;
    options_.intake.dead_letters = "dead";
  }

  static ClassOptions journaled(const std::string& name) {
    return {.name = name,
            .guarantee = {.records = 512, .bytes = kMiB},
            .promise = Promise::journaled,
            .intake = true};
  }

  // A journal with a class "peers" that has an intake, and a statement for it.
  void open_with_intake() { open_with_intake(journaled("peers")); }
  void open_with_intake(const ClassOptions& options) {
    options_.schema = "CREATE TABLE IF NOT EXISTS peers(id INTEGER, CHECK(id <> 13))";
    journal_.reset();
    Result<Journal> opened = Journal::open(database_, options_);
    ASSERT_TRUE(succeeded(opened));
    journal_.emplace(*std::move(opened));
    writes_.emplace(add_class(options));
    insert_ = add("INSERT INTO peers VALUES(?1)", {{ColumnType::integer, false}});
  }
  // Journals what is queued, and commits nothing, since the class gathers.
  void gather_for_ever() {
    ClassOptions options = journaled("peers");
    options.gather = std::chrono::hours(1);
    open_with_intake(options);
  }

  // What the disk has now, somewhere else: as after the process was killed. The journal goes on.
  void crash() {
    ++crashes_;
    const std::filesystem::path to = directory_ / ("crash" + std::to_string(crashes_));
    std::filesystem::create_directory(to);
    for (const char* suffix : {"", "-wal", "-intake"}) {
      const std::filesystem::path from = database_.string() + suffix;
      if (!std::filesystem::exists(from)) continue;
      std::filesystem::copy(from, to / ("test.db" + std::string(suffix)),
                            std::filesystem::copy_options::recursive);
    }
    crashed_.emplace(*std::move(journal_));
    journal_.reset();
    database_ = to / "test.db";
  }
  // A copy of the closed database, in which one unit is committed.
  std::filesystem::path back_up_with_one_unit() {
    open_with_intake();
    (void)submit(insert_, 1);
    run();
    EXPECT_TRUE(succeeded(close().status));
    std::filesystem::path backup = directory_ / "backup.db";
    std::filesystem::copy(database_, backup);
    return backup;
  }
  Status reopened() {
    journal_.reset();
    Result<Journal> opened = Journal::open(database_, options_);
    if (opened) journal_.emplace(*std::move(opened));
    return opened.status();
  }
  std::filesystem::path folder() const { return database_.string() + "-intake"; }
  std::string ids() { return outside("SELECT group_concat(id) FROM peers"); }
  std::string position() {
    return outside("SELECT position FROM onelane_intake WHERE class = 'peers'");
  }

  Statement insert_;
  int crashes_ = 0;
  std::optional<Journal> crashed_;  // would be dead
};

}  // namespace onelane::test
