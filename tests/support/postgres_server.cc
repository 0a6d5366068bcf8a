#include "tests/support/postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace onelane::test {

namespace {

// Neither initdb nor the server runs as root.
const passwd* servant() {
  if (::geteuid() != 0) return nullptr;
  const passwd* found = ::getpwnam("postgres");
  return found != nullptr ? found : ::getpwnam("nobody");
}

[[noreturn]] void become(const passwd* user, const std::vector<std::string>& arguments, int log) {
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  const bool changed =
      user == nullptr ||
      (::setgroups(0, nullptr) == 0 && ::setgid(user->pw_gid) == 0 && ::setuid(user->pw_uid) == 0);
  // Behind setuid, which takes it back. An immediate shutdown.
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  std::vector<char*> argv;
  for (const std::string& each : arguments) argv.push_back(const_cast<char*>(each.c_str()));
  argv.push_back(nullptr);
  ::setenv("LC_ALL", "C", 1);
  if (changed && ::chdir("/") == 0) ::execv(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

PostgresServer::PostgresServer(const std::filesystem::path& binary)
    : folder_(TempDirectory::Where::in_memory), binary_(std::filesystem::canonical(binary)) {
  make({"initdb", "-D", data().native(), "-U", "postgres", "-A", "trust", "-E", "UTF8",
        "--no-locale", "--no-sync"});
}

PostgresServer::PostgresServer(const std::filesystem::path& binary, const PostgresServer& primary)
    : folder_(TempDirectory::Where::in_memory), binary_(std::filesystem::canonical(binary)) {
  make({"pg_basebackup", "-D", data().native(), "-d",
        primary.conninfo() + " application_name=standby", "-X", "stream", "-c", "fast", "-R",
        "--no-sync"});
}

PostgresServer::~PostgresServer() { stop(); }

std::string PostgresServer::conninfo() const {
  return "host=" + folder_.path().native() + " port=5432 user=postgres";
}

// A cluster, by a program that is beside the server's, and starts it.
void PostgresServer::make(const std::vector<std::string>& command) {
  if (const passwd* user = servant();
      user != nullptr && ::chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error("chown " + folder_.path().native());
  }
  std::vector<std::string> arguments = command;
  arguments.front() = (binary_.parent_path() / command.front()).native();
  const pid_t made = spawn(arguments);
  int status = 0;
  ::waitpid(made, &status, 0);
  reader_.join();
  if (status != 0) throw std::runtime_error(command.front() + ": " + log());
  start();
}

// Where a backend of the server before is still about, its shared memory is in use: once more then.
void PostgresServer::start() {
  constexpr int kTries = 20;
  for (int i = 0; i < kTries; ++i) {
    const std::string before = log();
    server_ =
        spawn({binary_.native(), "-D", data().native(), "-k", folder_.path().native(), "-c",
               "listen_addresses=", "-F", "-c", "max_connections=50", "-c", "shared_buffers=16MB",
               "-c", "log_min_messages=warning", "-c", "wal_retrieve_retry_interval=50ms"});
    std::unique_lock held(lock_);
    told_.wait(held, [&] {
      return ended_ || log_.find("ready to accept", before.size()) != std::string::npos;
    });
    if (!ended_) return;
    held.unlock();
    stop();
  }
  throw std::runtime_error("the server does not start: " + log());
}

// The log ends with the last process that writes to it.
void PostgresServer::stop(How how) {
  if (server_ > 0) {
    ::kill(server_, how == How::killed ? SIGKILL : how == How::fast ? SIGINT : SIGQUIT);
    ::waitpid(std::exchange(server_, -1), nullptr, 0);
  }
  if (reader_.joinable()) reader_.join();
}

std::string PostgresServer::log() {
  const std::lock_guard held(lock_);
  return log_;
}

pid_t PostgresServer::spawn(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  const passwd* const user = servant();
  const pid_t child = ::fork();
  if (child == 0) become(user, arguments, ends[1]);
  ::close(ends[1]);
  ended_ = false;
  reader_ = std::thread([this, from = ends[0]] { read_log(from); });
  return child;
}

void PostgresServer::read_log(int from) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    const std::lock_guard held(lock_);
    if (got <= 0) {
      ended_ = true;
      told_.notify_all();
      break;
    }
    log_.append(buffer.data(), static_cast<std::size_t>(got));
    told_.notify_all();
  }
  ::close(from);
}

}  // namespace onelane::test
