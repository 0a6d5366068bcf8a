// Processes that a test starts, and pipes to hear from them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

namespace onelane::test {

// Whether the calling process is such a child.
inline std::atomic<bool> is_child{false};

// A process of its own that runs `body` with what it inherited and ends with what it returns.
class Child {
 public:
  // Whether what was inherited is destroyed on the way out.
  enum class Leave : bool { at_once, by_exit };

  explicit Child(const std::function<int()>& body, Leave leave = Leave::at_once) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    is_child.store(true);
    const int code = body();
    if (leave == Leave::by_exit) std::exit(code);
    ::_exit(code);
  }
  ~Child() {
    if (pid_ > 0) kill();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // What it returned, or minus the signal that ended it.
  int wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(std::exchange(pid_, -1), &status, 0) > 0, true);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::int64_t pid() const { return pid_; }
  void kill() {
    ::kill(pid_, SIGKILL);
    (void)wait();
  }

 private:
  pid_t pid_ = -1;
};

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~Pipe() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  bool write(std::int64_t value) {
    return ::write(ends_[1], &value, sizeof value) == sizeof value;  // atomic: below PIPE_BUF
  }
  // None once all writers are gone.
  std::optional<std::int64_t> read() {
    std::int64_t value = 0;
    if (::read(ends_[0], &value, sizeof value) != sizeof value) return std::nullopt;
    return value;
  }
  void close_reading() { ::close(std::exchange(ends_[0], -1)); }
  void close_writing() { ::close(std::exchange(ends_[1], -1)); }

 private:
  std::array<int, 2> ends_{-1, -1};
};

// A process that is forked before the test opens anything, and so inherits nothing of it. It runs
// its function each time the test tells it to.
class Standby {
 public:
  explicit Standby(std::function<int()> deed)
      : child_([this, deed = std::move(deed)] {
          asks_.close_writing();
          while (asks_.read()) answers_.write(deed());
          return 0;
        }) {}
  ~Standby() { asks_.close_writing(); }
  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;

  int run() {
    EXPECT_TRUE(asks_.write(0));
    return static_cast<int>(answers_.read().value_or(-1));
  }
  std::int64_t pid() const { return child_.pid(); }

 private:
  Pipe asks_, answers_;
  Child child_;
};

}  // namespace onelane::test
