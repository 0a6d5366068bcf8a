// The language of tests of onelane move: an SQLite database in a folder of the test's own, a
// PostgreSQL database, and moves from one to the other.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
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
    return {.database = file(), .conninfo = conninfo_, .prefix = {.name = "onelane"}};
  }
  std::string refusal() {
    return complaint([this] { move(); });
  }

  // As a process of its own: a journal of this process keeps its locks.
  struct Ended {
    int code = 0;
    std::string said;  // both streams
  };
  class Command {
   public:
    explicit Command(const std::string& arguments, const std::filesystem::path& in = "/")
        : pipe_(
              ::popen(("exec 2>&1; cd '" + in.string() + "'; " ONELANE_COMMAND " move " + arguments)
                          .c_str(),
                      "r")) {}
    ~Command() {
      if (pipe_ != nullptr) ::pclose(pipe_);
    }
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    // Whether it has closed its output.
    bool ended() {
      pollfd output{::fileno(pipe_), POLLIN, 0};
      while (!ended_ && ::poll(&output, 1, 0) > 0) read();
      return ended_;
    }
    const std::string& said() const noexcept { return said_; }
    Ended wait() {
      while (!ended_) read();
      const int status = ::pclose(std::exchange(pipe_, nullptr));
      return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, said_};
    }

   private:
    void read() {
      std::array<char, 4096> bytes{};
      const ssize_t got = ::read(::fileno(pipe_), bytes.data(), bytes.size());
      if (got <= 0) {
        ended_ = true;
      } else {
        said_.append(bytes.data(), static_cast<std::size_t>(got));
      }
    }

    std::FILE* pipe_;
    bool ended_ = false;
    std::string said_;
  };
  std::string both() const {
    return "'sqlite:" + file().string() + "' 'postgres:" + conninfo_ + "'";
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
