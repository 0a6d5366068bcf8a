// Kills a process that writes through a journal, at any moment, and checks that everything that it
// had reported as committed is there.
//
//   onelane_prove_kills [--seed N] [--runs N] [--directory PATH]
//
// A child has threads that write and send each committed id over a pipe; half of them write to a
// class with an intake, and send each id that is journaled. Now and then the parent stops the child
// and lets it go on; then it kills the child, and asks plain SQLite. What was journaled has to be
// there once another journal was opened: the parent's at once, or the next child's. After some
// lives a new database is made, so that a check of all of it stays quick. After a failure the files
// are left behind.
#include <signal.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "tests/prove/flags.h"
#include "tests/support/child.h"
#include "tests/support/sqlite_support.h"

namespace onelane::prove {
namespace {

using test::Child;
using test::OtherConnection;
using test::Pipe;
using Random = std::mt19937_64;

constexpr int kThreads = 4;  // of these, the odd ones' ids are journaled
constexpr std::uint64_t kLivesOfDatabase = 50;
constexpr std::int64_t kIdsOfLife = 1'000'000;
constexpr std::uint64_t kHeardMax = 40;     // ids before the kill
constexpr std::uint64_t kStopPercent = 10;  // lives that are stopped and go on
constexpr auto kBlob = std::string_view("a few hundred bytes, so that the log is copied back too");

JournalOptions options(std::uint64_t manner) {
  return {.schema =
              "CREATE TABLE IF NOT EXISTS marks(id INTEGER PRIMARY KEY, words TEXT);"
              "CREATE INDEX IF NOT EXISTS by_words ON marks(words, id);"
              "CREATE TABLE IF NOT EXISTS taken(id INTEGER, words TEXT);"
              "CREATE INDEX IF NOT EXISTS by_id ON taken(id)",
          .synchronous = manner % 4 == 0 ? Synchronous::full : Synchronous::normal,
          .wal_limit_bytes = kMiB,
          .intake = {.segment_bytes = 64 * kKiB,
                     .most_bytes = (2 + manner / 4 % 2) * 64 * kKiB,
                     .dead_letters = "letters"}};
}

// Sends each id that its journal answers for, until it is killed.
void write_all(WriteClass writes, Statement insert, bool journals, std::int64_t id, Pipe& said) {
  for (;; id += kThreads) {
    Row row;
    put(row, id, std::string(kBlob));
    if (journals) {
      if (!writes.journal(insert, row)) return;
    } else {
      const Result<Outcome> outcome = writes.write(insert, row);
      if (!outcome || !outcome->committed()) return;
    }
    if (!said.write(id)) return;
  }
}

// What a child does until it is killed.
int live(const std::filesystem::path& database, std::int64_t first, std::uint64_t manner,
         Pipe& said) {
  Result<Journal> journal = Journal::open(database, options(manner));
  if (!journal) return 1;
  const Promise promise = manner % 4 == 1 ? Promise::durable : Promise::committed;
  const Duration gather = std::chrono::milliseconds(manner / 8 % 2 == 0 ? 0 : 20);
  const Result<WriteClass> marks = journal->add_class({.name = "marks", .promise = promise});
  const Result<WriteClass> taken = journal->add_class(
      {.name = "taken", .gather = gather, .promise = Promise::journaled, .intake = true});
  const std::vector<Column> columns = {{ColumnType::integer}, {ColumnType::text}};
  const Result<Statement> mark =
      journal->add_statement({"INSERT INTO marks VALUES(?1, ?2)", columns});
  const Result<Statement> take =
      journal->add_statement({"INSERT INTO taken VALUES(?1, ?2)", columns});
  if (!marks || !taken || !mark || !take) return 2;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    const bool journals = i % 2 != 0;
    threads.emplace_back([&, i, journals] {
      write_all(journals ? *taken : *marks, journals ? *take : *mark, journals, first + i, said);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return 3;
}

struct Heard {
  std::vector<std::int64_t> ids;
  bool ended_by_itself = false;
};

// One life: what was heard of it.
Heard kill_one(const std::filesystem::path& database, std::int64_t first, Random& random) {
  Heard out;
  Pipe pipe;
  Child child([&, manner = random()] {
    pipe.close_reading();
    return live(database, first, manner, pipe);
  });
  pipe.close_writing();
  const bool stops = random() % 100 < kStopPercent;
  for (std::uint64_t left = random() % kHeardMax; left > 0; --left) {
    if (stops && left % 8 == 0) ::kill(static_cast<pid_t>(child.pid()), SIGSTOP);
    if (stops && left % 8 == 0) ::kill(static_cast<pid_t>(child.pid()), SIGCONT);
    const std::optional<std::int64_t> id = pipe.read();
    if (!id) {
      out.ended_by_itself = true;
      return out;
    }
    out.ids.push_back(*id);
  }
  // Not at once with what was heard, but somewhere in the next commits, or in opening.
  const std::uint64_t turns = random() % 200;
  for (std::uint64_t i = 0; i < turns; ++i) std::this_thread::yield();
  child.kill();
  while (const std::optional<std::int64_t> id = pipe.read()) out.ids.push_back(*id);
  return out;
}

// What is known of a database over its lives.
struct Owed {
  std::vector<std::int64_t> journaled;  // since it was last opened after a kill
  std::uint64_t openings = 0;           // by the parent
};

// As any opening does, it applies what is left in the intake.
std::string open_again(const std::filesystem::path& database, std::uint64_t manner) {
  JournalOptions plainly = options(manner);
  plainly.drive = Drive::manual;
  const Result<Journal> opened = Journal::open(database, plainly);
  return opened ? "" : "the next opening: " + opened.status().to_string();
}

std::string judge_journaled(OtherConnection& connection, const Owed& owed) {
  if (owed.journaled.empty()) return {};
  for (const std::int64_t id : owed.journaled) {
    const std::string count =
        connection.query("SELECT count(*) FROM taken WHERE id = " + std::to_string(id));
    if (count != "1")
      return "record " + std::to_string(id) + " was journaled, and is there " + count + " times";
  }
  const std::string twice = connection.query("SELECT count(*) - count(DISTINCT id) FROM taken");
  const std::string refused = connection.query("SELECT count(*) FROM letters");
  return twice == "0" && refused == "0" ? "" : twice + " are there twice, " + refused + " refused";
}

// Empty if all that was heard is there, and the database is whole.
std::string judge(const std::filesystem::path& database, const Heard& heard, std::int64_t first,
                  bool whole, Owed& owed, Random& random) {
  if (heard.ended_by_itself) return "the child ended by itself";
  std::vector<std::int64_t> committed;
  for (const std::int64_t id : heard.ids) (id % 2 == 0 ? committed : owed.journaled).push_back(id);
  if (heard.ids.empty() && !whole) return {};
  const bool opens = whole || random() % 2 == 0;
  if (opens) {
    ++owed.openings;
    if (std::string wrong = open_again(database, random()); !wrong.empty()) return wrong;
  }
  OtherConnection connection(database);
  const std::string asked =
      connection.query("SELECT count(*) FROM marks WHERE id >= " + std::to_string(first));
  for (const std::int64_t id : committed) {
    const std::string number = std::to_string(id);
    if (connection.query("SELECT id FROM marks WHERE id = " + number) != number) {
      return "record " + number + " was committed, and a kill lost it (" + asked + " are there)";
    }
  }
  if (!opens) return {};
  if (std::string wrong = judge_journaled(connection, owed); !wrong.empty()) return wrong;
  if (!whole) owed.journaled.clear();
  const std::string check = whole ? connection.query("PRAGMA integrity_check") : "ok";
  return check == "ok" ? "" : check;
}

}  // namespace

int prove(Flags& flags) {
  const std::uint64_t seed = flags.number("seed", 1);
  const std::uint64_t runs = flags.number("runs", 100);
  const std::filesystem::path parent =
      flags.text("directory", std::filesystem::temp_directory_path());
  flags.check();
  const std::filesystem::path directory = parent / ("onelane-kills-" + std::to_string(::getpid()));
  std::filesystem::create_directory(directory);
  const std::filesystem::path database = directory / "kills.db";
  Random random(seed);
  std::uint64_t acknowledged = 0;
  Owed owed;
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t life = 0; life < runs; ++life) {
    const std::uint64_t nth = life % kLivesOfDatabase;
    if (nth == 0) {
      std::filesystem::remove_all(directory);
      std::filesystem::create_directory(directory);
      owed.journaled.clear();
    }
    const std::int64_t first = static_cast<std::int64_t>(nth) * kIdsOfLife;
    const Heard heard = kill_one(database, first, random);
    acknowledged += heard.ids.size();
    const bool whole = nth + 1 == kLivesOfDatabase || life + 1 == runs;
    const std::string wrong = judge(database, heard, first, whole, owed, random);
    if (wrong.empty()) continue;
    std::printf("%s\nseed %llu, life %llu; the files are in %s\n", wrong.c_str(),
                static_cast<unsigned long long>(seed), static_cast<unsigned long long>(life),
                directory.c_str());
    return 1;
  }
  std::filesystem::remove_all(directory);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("kills %llu, acknowledged %llu, openings %llu, lost 0, twice 0; %.1f s\n",
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(acknowledged),
              static_cast<unsigned long long>(owed.openings), took.count());
  return 0;
}

}  // namespace onelane::prove
