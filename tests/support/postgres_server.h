// A PostgreSQL server of a test's own, from the system's binaries: a cluster in a temporary folder,
// on a Unix socket there, run by an unprivileged user. It ends with the test's process, however
// that ends.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_directory.h"

namespace onelane::test {

class PostgresServer {
 public:
  // `binary`: the server's, with initdb beside it. Throws std::runtime_error with the log.
  explicit PostgresServer(const std::filesystem::path& binary);
  // A standby of `primary`, which must run; its name there is "standby".
  PostgresServer(const std::filesystem::path& binary, const PostgresServer& primary);
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // host=... port=... user=postgres, without a dbname.
  std::string conninfo() const;
  std::filesystem::path host() const { return folder_.path(); }
  std::filesystem::path data() const { return folder_ / "data"; }

  void start();
  bool runs() const noexcept { return server_ > 0; }
  // As a crash does, immediately or by SIGKILL, backends end where they are; fast, they roll back.
  enum class How { immediately, fast, killed };
  void stop(How how = How::immediately);
  void restart(How how = How::immediately) {
    stop(how);
    start();
  }
  std::string log();

 private:
  void make(const std::vector<std::string>& command);
  pid_t spawn(const std::vector<std::string>& arguments);
  void read_log(int from);

  TempDirectory folder_;
  std::filesystem::path binary_;
  pid_t server_ = -1;
  std::mutex lock_;
  std::condition_variable told_;
  std::string log_;     // under lock_, as all below
  bool ended_ = false;  // the log
  std::thread reader_;
};

}  // namespace onelane::test
