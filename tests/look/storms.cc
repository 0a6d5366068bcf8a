// Usage: onelane_look STORM [SECONDS [PORT]]
// A real journal in a storm, with its page on a port of 127.0.0.1 (0: none is served). STORM says
// who is to blame: write_class, job, foreign_writer, reader or disk. After SECONDS (8) it prints
// the verdict, and ends with 1 if the page blames somebody else.
#include <sqlite3.h>

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <functional>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "onelane/http.h"
#include "onelane/onelane.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS blobs(id INTEGER PRIMARY KEY, body BLOB);"
    "CREATE TABLE IF NOT EXISTS peers(id INTEGER PRIMARY KEY, seen INTEGER)";

// Until the storm is over.
class Storm {
 public:
  bool over() const { return over_.load(); }
  // Returns early when it is over.
  void pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [this] { return over(); });
  }
  void add(std::function<void()> work) { threads_.emplace_back(std::move(work)); }
  void end() {
    {
      const std::scoped_lock lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> over_{false};
  std::vector<std::thread> threads_;
};

// A connection that is not the journal's.
class Foreign {
 public:
  explicit Foreign(const std::string& path) { sqlite3_open(path.c_str(), &db_); }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;
  ~Foreign() { sqlite3_close(db_); }
  bool run(const char* sql) {
    return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }

 private:
  sqlite3* db_ = nullptr;
};

struct Lane {
  std::string path;
  Journal journal;
  WriteClass blobs;
  WriteClass connect;
  Statement put;
  Statement seen;
};

Lane open_lane(const std::string& path, std::uint64_t wal_limit_bytes) {
  Journal journal =
      Journal::open(path, {.schema = kSchema, .wal_limit_bytes = wal_limit_bytes}).value();
  WriteClass blobs = journal.add_class({.name = "blobs"}).value();
  WriteClass connect = journal.add_class({.name = "connect"}).value();
  const StatementSpec put{.sql = "INSERT INTO blobs(body) VALUES(?1)",
                          .columns = {{ColumnType::blob}}};
  const StatementSpec seen{.sql =
                               "INSERT INTO peers VALUES(?1, 1) ON CONFLICT(id) DO UPDATE SET "
                               "seen = seen + 1",
                           .columns = {{ColumnType::integer}}};
  const Statement put_it = journal.add_statement(put).value();
  const Statement seen_it = journal.add_statement(seen).value();
  return {path, std::move(journal), blobs, connect, put_it, seen_it};
}

// Small writes that threads wait for.
void connect_all(Lane& lane, Storm& storm) {
  for (int thread = 0; thread < 3; ++thread) {
    storm.add([&lane, &storm, thread] {
      for (std::int64_t i = 0; !storm.over(); ++i) {
        (void)lane.connect.write(lane.seen, Row().integer(thread * 1000 + i % 1000),
                                 {.timeout = 5s, .site = "on_connect"});
        storm.pause(5ms);
      }
    });
  }
}

// `pause` between two of a thread's blobs; 0: as fast as there is room.
void put_blobs(Lane& lane, Storm& storm, std::size_t bytes, std::chrono::milliseconds pause) {
  storm.add([&lane, &storm, bytes, pause] {
    const std::string body(bytes, 'b');
    const std::span<const std::byte> blob = std::as_bytes(std::span(body));
    while (!storm.over()) {
      (void)lane.blobs.push(lane.put, Row().blob(blob), {.timeout = 100ms, .site = "put_blob"});
      if (pause != 0ms) storm.pause(pause);
    }
  });
}

// More work for the processor than for the disk.
void begin_class(Lane& lane, Storm& storm) { put_blobs(lane, storm, 2'000, 0ms); }

void begin_disk(Lane& lane, Storm& storm) { put_blobs(lane, storm, 32'768, 0ms); }

// Steps that think longer than they write.
void begin_job(Lane& lane, Storm& storm) {
  put_blobs(lane, storm, 1'000, 20ms);
  const WriteClass upkeep = lane.journal.add_class({.name = "upkeep"}).value();
  storm.add([upkeep, &storm] {
    const auto step = [&storm](Transaction& transaction) -> Result<Step> {
      const auto counted = transaction.query(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
          "SELECT sum(i) FROM n",
          {});
      if (!counted) return counted.status();
      return storm.over() ? Step::done : Step::more;
    };
    (void)upkeep.submit(Job{.name = "compact", .step = step})->wait();
  });
}

void begin_lock(Lane& lane, Storm& storm) {
  put_blobs(lane, storm, 1'000, 20ms);
  storm.add([&lane, &storm] {
    Foreign other(lane.path);
    while (!storm.over()) {
      if (other.run("BEGIN IMMEDIATE")) storm.pause(300ms);
      other.run("ROLLBACK");
      storm.pause(30ms);
    }
  });
}

void begin_reader(Lane& lane, Storm& storm) {
  put_blobs(lane, storm, 32'768, 2ms);
  storm.add([&lane, &storm] {
    Foreign other(lane.path);
    storm.pause(200ms);
    other.run("BEGIN; SELECT count(*) FROM peers");
    storm.pause(1h);
  });
}

// Each sync of the database or of the log takes long. It must end before the storm does.
void slow_down(FaultyVfs& vfs, Storm& storm, VfsFile file) {
  vfs.meanwhile(VfsCall::sync, file, [&vfs, &storm, file] {
    storm.pause(120ms);
    if (!storm.over()) slow_down(vfs, storm, file);
  });
}

struct Kind {
  std::string_view name;
  render::Offender offender;
  std::string_view offender_name;  // empty: any
  std::uint64_t wal_limit_bytes;
  void (*begin)(Lane&, Storm&);
};

constexpr std::uint64_t kSmallLog = 4 << 20;
constexpr std::uint64_t kLargeLog = 512 << 20;
constexpr std::uint64_t kLog = 64 << 20;
constexpr std::array kKinds{
    Kind{"write_class", render::Offender::write_class, "blobs", kLargeLog, begin_class},
    Kind{"job", render::Offender::job, "compact", kLog, begin_job},
    Kind{"foreign_writer", render::Offender::foreign_writer, "", kLog, begin_lock},
    Kind{"reader", render::Offender::reader, "", kSmallLog, begin_reader},
    Kind{"disk", render::Offender::disk, "", kSmallLog, begin_disk}};

int run(const Kind& kind, std::chrono::seconds time, std::uint16_t port) {
  const TempDirectory directory;
  FaultyVfs vfs;
  Storm storm;
  if (kind.offender == render::Offender::disk) slow_down(vfs, storm, VfsFile::database);
  Lane lane = open_lane((directory / "storm.db").string(), kind.wal_limit_bytes);
  std::unique_ptr<http::Server> server;
  if (port != 0) {
    server = http::Server::serve(lane.journal,
                                 {.port = port,
                                  .title = "storm: " + std::string(kind.name),
                                  .note = std::string("SQLite ") + sqlite3_libversion() + "."})
                 .value();
    std::cout << server->address() << std::endl;
  }
  connect_all(lane, storm);
  kind.begin(lane, storm);
  storm.pause(time);
  const render::Verdict verdict =
      render::judge(lane.journal.stats(), {.health = lane.journal.health()});
  storm.end();
  std::cout << verdict.condition << '\n' << verdict.blame << '\n';
  for (const std::string& victim : verdict.victims) std::cout << "  " << victim << '\n';
  const bool right = verdict.offender == kind.offender &&
                     (kind.offender_name.empty() || verdict.offender_name == kind.offender_name);
  std::cout << "blamed: " << name(verdict.offender) << ' ' << verdict.offender_name
            << (right ? "" : ", which is wrong") << '\n';
  server.reset();
  lane.journal.close(5s);
  return right ? 0 : 1;
}

template <typename Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

int main_of(const std::vector<std::string_view>& arguments) {
  int seconds = 8;
  std::uint16_t port = 0;
  const bool numbers = (arguments.size() < 2 || parse(arguments[1], seconds)) &&
                       (arguments.size() < 3 || parse(arguments[2], port));
  if (numbers && !arguments.empty() && arguments.size() <= 3) {
    for (const Kind& kind : kKinds) {
      if (kind.name == arguments[0]) return run(kind, std::chrono::seconds(seconds), port);
    }
  }
  std::cerr << "usage: onelane_look STORM [SECONDS [PORT]], where STORM is one of";
  for (const Kind& kind : kKinds) std::cerr << ' ' << kind.name;
  std::cerr << '\n';
  return 2;
}

}  // namespace
}  // namespace onelane::test

int main(int argc, char** argv) { return onelane::test::main_of({argv + 1, argv + argc}); }
