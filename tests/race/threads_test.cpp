// The journal's own threads, as the system and the program's signals see them; and one producer
// that many threads write with.
#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "tests/support/plain_sink.h"
#include "tests/support/scale.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"

namespace onelane {

namespace {
// Whose columns() writes another record on the same thread.
struct Nested {
  std::int64_t id = 0;
  std::function<void(std::int64_t)> on_the_way{};
};
}  // namespace

template <>
struct RecordTraits<Nested> {
  static constexpr std::string_view sql = "INSERT INTO t VALUES(?1, ?2)";
  static auto columns(const Nested& nested) {
    if (nested.on_the_way) nested.on_the_way(-nested.id);
    return std::tuple(nested.id, std::string(100, 'x'));
  }
};

namespace test {
namespace {

// By name: the signals that the thread blocks, as bits.
std::map<std::string, std::uint64_t> threads_of_this_process() {
  std::map<std::string, std::uint64_t> out;
  DIR* const tasks = opendir("/proc/self/task");
  while (const dirent* task = readdir(tasks)) {
    std::ifstream status("/proc/self/task/" + std::string(task->d_name) + "/status");
    std::string key, name, blocked;
    while (status >> key) {
      if (key == "Name:") status >> name;
      if (key == "SigBlk:") status >> blocked;
    }
    if (!name.empty()) out[name] = std::stoull(blocked, nullptr, 16);
  }
  closedir(tasks);
  return out;
}

class Threads : public ::testing::Test {
 protected:
  Threads() {
    JournalOptions options{.schema = "CREATE TABLE t(id, body)"};
    options.intake.dead_letters = "letters";
    journal_ = Journal::open(directory_ / "test.db", options).value();
  }

  TempDirectory directory_;
  Journal journal_;
};

TEST_F(Threads, HaveNamesAndTakeNoSignalsButThoseOfTheirOwnFaults) {
  (void)journal_.add_class({.name = "journaled", .intake = true}).value();
  std::map<std::string, std::uint64_t> threads;
  const char* const names[] = {"onelane-commits", "onelane-log", "onelane-syncs", "onelane-intake",
                               "onelane-applied"};
  for (const char* const name : names) {
    while (threads.count(name) == 0) {  // a thread names itself, once it runs
      std::this_thread::yield();
      threads = threads_of_this_process();
    }
    const auto blocks = [&](int signal) { return (threads[name] >> (signal - 1) & 1) != 0; };
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGALRM, SIGPIPE}) {
      EXPECT_TRUE(blocks(signal)) << name << " takes signal " << signal;
    }
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPROF}) {
      EXPECT_FALSE(blocks(signal)) << name << " holds back signal " << signal;
    }
  }
  sigset_t mine;
  pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  EXPECT_EQ(sigismember(&mine, SIGTERM), 0);
}

TEST_F(Threads, WriteWithOneProducerAndARecordMayWriteAnotherOnItsWay) {
  constexpr int kThreads = 4;
  const std::int64_t each = scaled(500);
  const WriteClass writes = journal_.add_class({.name = "writes"}).value();
  const Producer<Nested> producer = journal_.producer<Nested>(writes).value();
  const auto push_inner = [&](std::int64_t id) { EXPECT_TRUE(producer.push({id}).ok()); };
  std::vector<std::thread> threads;
  for (std::int64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = 1; i <= each; ++i) {
        EXPECT_TRUE(producer.push({t * each + i, push_inner}).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(journal_.close(std::chrono::seconds(30)).status.ok());
  const std::int64_t all = kThreads * each;
  EXPECT_EQ(query(directory_ / "test.db",
                  "SELECT count(*), count(DISTINCT id), sum(id), min(length(body)), "
                  "max(length(body)) FROM t"),
            std::to_string(2 * all) + "|" + std::to_string(2 * all) + "|0|100|100");
}

// Of things whose destructors write, and which live longer than the thread's buffer.
TEST_F(Threads, AThreadMayWriteWhileItEnds) {
  const WriteClass writes = journal_.add_class({.name = "writes"}).value();
  const Producer<Nested> producer = journal_.producer<Nested>(writes).value();
  struct Last {
    const Producer<Nested>* producer = nullptr;
    ~Last() { EXPECT_TRUE(producer->push({3}).ok()); }
  };
  std::thread([&] {
    thread_local Last last;  // made before the first push, and so destroyed after what that made
    last.producer = &producer;
    EXPECT_TRUE(producer.push({1}).ok());
  }).join();
  EXPECT_TRUE(journal_.flush().ok());
  EXPECT_EQ(query(directory_ / "test.db", "SELECT id FROM t ORDER BY id"), "1 3");
}

// What the handler has captured may go once the journal is closed.
TEST(Events, CloseWaitsForTheHandlerOfAnotherThread) {
  struct Failing final : PlainSink {
    Reply commit() override {
      return {.fault = Fault::sync, .effect = Effect::kept, .cause = Status(Errc::storage, "it")};
    }
  };
  std::atomic<bool> in_handler{false};
  std::atomic<bool> go_on{false};
  std::atomic<bool> closed{false};
  JournalOptions options;
  options.on_event = [&](const Event&) {
    in_handler = true;
    in_handler.notify_all();
    go_on.wait(false);
    EXPECT_FALSE(closed);
  };
  Journal journal = Journal::open(std::make_unique<Failing>(), options).value();
  const WriteClass writes = journal.add_class({.name = "writes"}).value();
  const Statement statement = journal.add_statement({.sql = "x"}).value();
  std::thread writer([&] { (void)writes.write(statement, Row()); });
  in_handler.wait(false);
  std::thread closer([&] {
    (void)journal.close(std::chrono::seconds(1));
    closed = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  go_on = true;
  go_on.notify_all();
  closer.join();
  writer.join();
}

}  // namespace
}  // namespace test
}  // namespace onelane
