#include "tests/support/failing_fsync.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace onelane::test {

namespace {

std::atomic<bool> g_failing{false};
std::atomic<std::uint64_t> g_syncs{0};

}  // namespace

FailingDirectorySync::FailingDirectorySync() { g_failing = true; }
FailingDirectorySync::~FailingDirectorySync() { g_failing = false; }

std::uint64_t directory_syncs() noexcept { return g_syncs; }

// Whether the call is to fail.
static bool meet(int fd) noexcept {
  struct stat found = {};
  if (::fstat(fd, &found) != 0 || !S_ISDIR(found.st_mode)) return false;
  ++g_syncs;
  return g_failing;
}

}  // namespace onelane::test

extern "C" int fsync(int fd) {
  if (onelane::test::meet(fd)) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
