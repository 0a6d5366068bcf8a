// The language of tests of onelane move: an SQLite database in a folder of the test's own, a
// PostgreSQL database, and moves from one to the other.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/postgres_fixture.h"
#include "tests/support/temp_directory.h"
#include "tests/support/tool.h"
#include "tools/move/moving.h"

namespace onelane::test {

class MoveTest : public PostgresTest {
 protected:
  std::filesystem::path file() const { return folder_ / "test.db"; }

  // In SQLite, by a connection of its own. Rows as Neighbour gives them.
  std::string lite(const std::string& sql) {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open(file().c_str(), &db), SQLITE_OK);
    std::string out;
    char* error = nullptr;
    const auto add = [](void* to, int columns, char** values, char** /*names*/) {
      auto& text = *static_cast<std::string*>(to);
      if (!text.empty()) text += ' ';
      for (int i = 0; i < columns; ++i) {
        if (i != 0) text += '|';
        text += values[i] == nullptr ? "-" : values[i];
      }
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), add, &out, &error), SQLITE_OK)
        << sql << ": " << (error == nullptr ? "" : error);
    sqlite3_free(error);
    sqlite3_close(db);
    return out;
  }

  tools::Move move() { return tools::move_database(options()); }
  tools::MoveOptions options() const {
    return {.database = file(), .conninfo = conninfo_, .prefix = "onelane"};
  }
  std::string refusal() {
    return complaint([this] { move(); });
  }

  // "peers: 3 rows, 1 copied, 1 changed, 1 deleted"
  static std::string in_words(const tools::Move& move) {
    std::string out;
    for (const tools::MovedRows& each : move.tables) {
      if (!out.empty()) out += "; ";
      out += each.name + ": " + std::to_string(each.moved.rows) + " rows, " +
             std::to_string(each.moved.copied) + " copied, " + std::to_string(each.moved.changed) +
             " changed, " + std::to_string(each.moved.deleted) + " deleted";
    }
    return out;
  }
  static bool has(const std::vector<std::string>& notes, const std::string& part) {
    for (const std::string& note : notes) {
      if (note.find(part) != std::string::npos) return true;
    }
    return false;
  }

  TempDirectory folder_{TempDirectory::Where::in_memory};
};

}  // namespace onelane::test
