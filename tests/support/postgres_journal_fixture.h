// The language of tests of a journal on a PostgreSQL server: a class "peers" whose table refuses
// 13, and a column that numbers its rows in the order in which they were inserted.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/postgres_fixture.h"

namespace onelane::test {

using namespace std::chrono_literals;

class PostgresJournal : public PostgresTest {
 protected:
  static JournalOptions by_hand() { return {.drive = Drive::manual}; }

  void open(const JournalOptions& journal = {}, postgres::Options options = {}) {
    options.schema =
        "CREATE TABLE IF NOT EXISTS peers(id bigint PRIMARY KEY CHECK (id <> 13), at bigint "
        "GENERATED ALWAYS AS IDENTITY);" +
        options.schema;
    Result<Journal> opened = postgres::open(conninfo_, journal, options);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    journal_ = std::move(opened).value();
    peers_ = journal_.add_class(peers_options_).value();
    insert_ = add("INSERT INTO peers VALUES($1)");
  }
  // Makes peers journaled, in that folder: for open().
  JournalOptions with_intake(const std::filesystem::path& folder) {
    peers_options_.promise = Promise::journaled;
    peers_options_.intake = true;
    peers_options_.guarantee = {.records = 512, .bytes = kMiB};
    JournalOptions options;
    options.intake.folder = folder;
    options.intake.dead_letters = "dead";
    return options;
  }
  Statement add(const std::string& sql) {
    Result<Statement> added =
        journal_.add_statement({.sql = sql, .columns = {{ColumnType::integer, false}}});
    EXPECT_TRUE(added.ok()) << added.status().to_string();
    return *added;
  }
  Receipt submit(std::int64_t id) { return peers_.submit(insert_, row(id)).value(); }
  Receipt submit_group(const std::vector<std::int64_t>& all) {
    Group group;
    for (const std::int64_t id : all) group.add(insert_, row(id));
    return peers_.submit(group).value();
  }
  // Of a journal that is moved by hand: until all is settled.
  void tick_until_idle() {
    constexpr int kPausesMax = 2000;
    Status status = journal_.flush();
    for (int i = 0; status.code() == Errc::would_block && i < kPausesMax; ++i) {
      pause();
      status = journal_.flush();
    }
    EXPECT_TRUE(status.ok()) << status.to_string();
  }

  static std::string end_of(const Receipt& receipt) {
    const auto outcome = receipt.poll();
    return outcome ? std::string(name(outcome->end)) : "in flight";
  }
  static std::string number(const Result<std::uint64_t>& result) {
    return result.ok() ? std::to_string(*result) : result.status().to_string();
  }
  std::string ids() { return ask("SELECT id FROM peers ORDER BY id"); }

  ClassOptions peers_options_{.name = "peers"};
  Journal journal_;
  WriteClass peers_;
  Statement insert_;
};

}  // namespace onelane::test
