// A service on onelane: heartbeats that threads wait for, counters that nobody waits for, and a
// bulk import beside them. Stops in good order on SIGTERM or SIGINT; whatever ends it, it goes on
// where it was.
//
//   service FILE [ROWS]    imports ROWS samples (400,000)
#include <signal.h>
#include <sqlite3.h>

#include <atomic>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage.h"

namespace {

using namespace std::chrono_literals;

std::atomic<bool> stopping{false};

telemetry::Time now() {
  return std::chrono::time_point_cast<telemetry::Milliseconds>(std::chrono::system_clock::now());
}

void send_heartbeats(telemetry::Storage& storage, int thread) {
  std::uint64_t refused = 0;
  for (int i = 0; !stopping; ++i) {
    const std::string id = "dev" + std::to_string(thread) + "-" + std::to_string(i % 100);
    const telemetry::Heartbeat beat{id, "name of " + id, telemetry::DeviceState::online, now()};
    if (!storage.heartbeat(beat, 200ms).ok()) ++refused;
    storage.count({"heartbeats" + std::to_string(thread), i});
    if (i != 100) continue;
    const onelane::Status twice =
        storage.heartbeat({"other" + std::to_string(thread), beat.name, {}, now()}, 1s);
    if (twice.constraint() != onelane::Constraint::unique) std::cerr << twice.to_string() << '\n';
  }
  std::cerr << "thread " + std::to_string(thread) + ": " + std::to_string(refused) + " refused\n";
}

// Reads are SQLite's own, on connections of one's own.
class Reader {
 public:
  explicit Reader(const std::string& path) {
    sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READONLY, nullptr);
    sqlite3_prepare_v2(db_, "SELECT count(*) FROM samples", -1, &query_, nullptr);
  }
  ~Reader() {
    sqlite3_finalize(query_);
    sqlite3_close(db_);
  }
  std::string samples() {
    const bool read = sqlite3_step(query_) == SQLITE_ROW;
    const std::string count = read ? std::to_string(sqlite3_column_int64(query_, 0)) : "?";
    sqlite3_reset(query_);  // so that it does not keep the log
    return count;
  }

 private:
  sqlite3* db_ = nullptr;
  sqlite3_stmt* query_ = nullptr;
};

int serve(const std::string& path, int rows, const sigset_t& signals) {
  telemetry::Storage storage(path);
  const std::uint64_t epoch = storage.journal().stats().epoch;
  if (const auto before = storage.journal().commits_of(epoch - 1)) {
    std::cout << "the opening before has " << *before << " commits\n";
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back(send_heartbeats, std::ref(storage), t);
  while (!storage.heartbeat({"source", "source", telemetry::DeviceState::online, now()}, 1s).ok()) {
  }
  auto import = storage.import(
      "rows", [left = rows, at = now()]() mutable -> std::optional<telemetry::Sample> {
        if (left-- <= 0) return std::nullopt;
        return telemetry::Sample{"source", at, 1.5 * left, "C", std::vector<std::uint8_t>(100)};
      });
  std::thread importing([&] {
    const auto outcome = import.value().wait();
    std::cout << "import: " << outcome.value().to_string() << std::endl;
  });
  Reader reader(path);
  constexpr timespec kSecond{.tv_sec = 1, .tv_nsec = 0};
  while (sigtimedwait(&signals, nullptr, &kSecond) < 0) {
    std::cerr << reader.samples() << " samples; " << storage.journal().stats().to_string() << '\n';
  }
  stopping = true;
  const onelane::CloseReport report = storage.journal().close(5s);
  importing.join();
  for (std::thread& each : threads) each.join();
  std::cout << "closed: " << report.to_string() << '\n';
  return report.status.ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    return serve(argv[1], argc < 3 ? 400'000 : std::stoi(argv[2]), signals);
  } catch (const std::exception& error) {
    std::cerr << "service: " << error.what() << '\n';
    return 1;
  }
}
