#include "tests/support/failing_fsync.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

namespace onelane::test {

namespace {

std::atomic<const std::function<int()>*> g_instead{nullptr};
std::atomic<std::uint64_t> g_syncs{0};

int sync_really(int fd) { return static_cast<int>(::syscall(SYS_fsync, fd)); }

}  // namespace

InsteadOfDirectorySync::InsteadOfDirectorySync(std::function<int()> deed) : deed_(std::move(deed)) {
  g_instead = &deed_;
}
InsteadOfDirectorySync::~InsteadOfDirectorySync() { g_instead = nullptr; }

FailingDirectorySync::FailingDirectorySync() : InsteadOfDirectorySync([] { return EIO; }) {}

std::uint64_t directory_syncs() noexcept { return g_syncs; }

static int sync(int fd) {
  struct stat found = {};
  if (::fstat(fd, &found) != 0 || !S_ISDIR(found.st_mode)) return sync_really(fd);
  ++g_syncs;
  const std::function<int()>* instead = g_instead.load();
  if (instead == nullptr) return sync_really(fd);
  const int error = (*instead)();
  if (error == 0) return 0;
  errno = error;
  return -1;
}

}  // namespace onelane::test

extern "C" int fsync(int fd) { return onelane::test::sync(fd); }
