// Kills a process that writes through a journal, at any moment, and checks that everything that it
// had reported as committed is there.
//
//   onelane_prove_kills [--seed N] [--runs N] [--directory PATH]
//
// A child has two threads that write and send each committed id over a pipe. Now and then the
// parent stops the child and lets it go on; then it kills the child and asks plain SQLite. After
// some lives a new database is made, so that a check of all of it stays quick. After a failure the
// files are left behind.
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

constexpr int kThreads = 2;
constexpr std::uint64_t kLivesOfDatabase = 50;
constexpr std::int64_t kIdsOfLife = 1'000'000;
constexpr std::uint64_t kHeardMax = 40;     // ids before the kill
constexpr std::uint64_t kStopPercent = 10;  // lives that are stopped and go on
constexpr auto kBlob = std::string_view("a few hundred bytes, so that the log is copied back too");

// What a child does until it is killed.
int live(const std::filesystem::path& database, std::int64_t first, std::uint64_t manner,
         Pipe& said) {
  Result<Journal> journal = Journal::open(
      database, {.schema = "CREATE TABLE IF NOT EXISTS marks(id INTEGER PRIMARY KEY, words TEXT);"
                           "CREATE INDEX IF NOT EXISTS by_words ON marks(words, id)",
                 .synchronous = manner % 4 == 0 ? Synchronous::full : Synchronous::normal,
                 .wal_limit = kMiB});
  if (!journal) return 1;
  const Promise promise = manner % 4 == 1 ? Promise::durable : Promise::committed;
  const Result<WriteClass> added = journal->add_class({.name = "marks", .promise = promise});
  const Result<Statement> insert = journal->add_statement(
      {"INSERT INTO marks VALUES(?1, ?2)", {{ColumnType::integer}, {ColumnType::text}}});
  if (!added || !insert) return 2;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      WriteClass writes = *added;
      for (std::int64_t id = first + i;; id += kThreads) {
        Row row;
        put(row, id, std::string(kBlob));
        const Result<Outcome> outcome = writes.write(*insert, row);
        if (!outcome || !outcome->committed() || !said.write(id)) return;
      }
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

// Empty if all that was heard is there, and the database is whole.
std::string judge(const std::filesystem::path& database, const Heard& heard, std::int64_t first,
                  bool whole) {
  if (heard.ended_by_itself) return "the child ended by itself";
  if (heard.ids.empty() && !whole) return {};
  OtherConnection connection(database);
  const std::string asked =
      connection.query("SELECT count(*) FROM marks WHERE id >= " + std::to_string(first));
  for (const std::int64_t id : heard.ids) {
    const std::string number = std::to_string(id);
    if (connection.query("SELECT id FROM marks WHERE id = " + number) != number) {
      return "record " + number + " was committed, and a kill lost it (" + asked + " are there)";
    }
  }
  if (!whole) return {};
  const std::string check = connection.query("PRAGMA integrity_check");
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
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t life = 0; life < runs; ++life) {
    const std::uint64_t nth = life % kLivesOfDatabase;
    if (nth == 0) {
      std::filesystem::remove_all(directory);
      std::filesystem::create_directory(directory);
    }
    const std::int64_t first = static_cast<std::int64_t>(nth) * kIdsOfLife;
    const Heard heard = kill_one(database, first, random);
    acknowledged += heard.ids.size();
    const bool whole = nth + 1 == kLivesOfDatabase || life + 1 == runs;
    const std::string wrong = judge(database, heard, first, whole);
    if (wrong.empty()) continue;
    std::printf("%s\nseed %llu, life %llu; the files are in %s\n", wrong.c_str(),
                static_cast<unsigned long long>(seed), static_cast<unsigned long long>(life),
                directory.c_str());
    return 1;
  }
  std::filesystem::remove_all(directory);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("kills %llu, acknowledged %llu, lost 0; %.1f s\n",
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(acknowledged),
              took.count());
  return 0;
}

}  // namespace onelane::prove
