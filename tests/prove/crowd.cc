#include "tests/prove/crowd.h"

#include <atomic>
#include <thread>
#include <utility>

namespace onelane::prove {

using test::below;
using test::chance;

namespace {

constexpr std::size_t kThreads = 3;
constexpr std::size_t kRecords = 25;  // of each
constexpr std::size_t kWordsMax = 8'000;

class Member {
 public:
  Member(test::Disk& disk, Ledger& ledger, WriteClass writes)
      : disk_(disk), ledger_(ledger), writes_(std::move(writes)) {}

  void run(Statement insert, Random& random) {
    for (std::size_t i = 0; i < kRecords; ++i) {
      const std::uint64_t id = ledger_.add();
      Row row;
      const std::string words(below(random, kWordsMax), static_cast<char>('a' + id % 26));
      put(row, static_cast<std::int64_t>(id), chance(random, 3) ? std::string("bad") : words);
      const Promise promise = chance(random, 50) ? Promise::durable : Promise::committed;
      const Result<Outcome> outcome = writes_.write(insert, row, {.promise = promise});
      const bool accepted = outcome.ok();
      ledger_.settled(id, accepted ? *outcome : Outcome{.end = End::closed});
      if (accepted && outcome->durable) disk_.note(kDurableNote, id);
    }
  }

 private:
  test::Disk& disk_;
  Ledger& ledger_;
  WriteClass writes_;
};

void write_beside(Foreign& foreign, const std::atomic<std::size_t>& at_work) {
  while (at_work.load() > 0) {
    foreign.run("INSERT INTO foreign_rows(words) VALUES('somebody else''s')");
    foreign.run("SELECT count(*) FROM records");
    for (int i = 0; i < 50; ++i) std::this_thread::yield();
  }
}

}  // namespace

Status crowd(const std::shared_ptr<test::Disk>& disk, const std::string& database, Ledger& ledger,
             Random& random) {
  disk->meanwhile([](test::VfsCall, test::VfsFile) { std::this_thread::yield(); });
  const Synchronous level = chance(random, 20) ? Synchronous::full : Synchronous::normal;
  Result<Journal> journal =
      Journal::open(database, {.schema = kSchema, .synchronous = level, .wal_limit_bytes = kMiB});
  if (!journal) return journal.status();
  disk->note(kOpenNote, 0);
  Result<WriteClass> writes = journal->add_class({.name = "writes"});
  if (!writes) return writes.status();
  const Result<Statement> insert =
      journal->add_statement({kInsert, {{ColumnType::integer}, {ColumnType::text}}});
  if (!insert) return insert.status();
  std::atomic<std::size_t> at_work{kThreads};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, seed = random()] {
      Random own(seed);
      Member(*disk, ledger, *writes).run(*insert, own);
      --at_work;
    });
  }
  Foreign foreign(database);
  write_beside(foreign, at_work);
  for (std::thread& thread : threads) thread.join();
  foreign.close();
  return journal->close(std::chrono::seconds(10)).status;
}

}  // namespace onelane::prove
