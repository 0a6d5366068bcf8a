#include "bench/kit/group_sync.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <vector>

#include "bench/kit/errors.h"
#include "onelane/options.h"

namespace onelane::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kPageBytes = 4 * kKiB;
constexpr std::uint64_t kFileBytes = 8 * kMiB;  // a segment's
constexpr int kAtLeast = 20;
constexpr int kAtMost = 200;
constexpr std::chrono::milliseconds kLongest(500);

RunError failed(std::string_view what) {
  return RunError(fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

class GroupFile {
 public:
  GroupFile(const std::filesystem::path& directory, std::uint64_t group_bytes)
      : group_((group_bytes + kPageBytes - 1) / kPageBytes * kPageBytes),
        groups_(std::max<std::uint64_t>(1, kFileBytes / group_.size())) {
    std::string name = directory / "group-XXXXXX";
    file_ = mkstemp(name.data());
    if (file_ < 0) throw failed("cannot make a file in " + directory.string());
    unlink(name.c_str());
    for (std::uint64_t at = 0; at < groups_; ++at) write(at);
    sync();
    std::fill(group_.begin(), group_.end(), std::byte{0x5a});
  }
  GroupFile(const GroupFile&) = delete;
  GroupFile& operator=(const GroupFile&) = delete;
  ~GroupFile() {
    if (file_ >= 0) close(file_);
  }

  void write_and_sync(std::uint64_t number) {
    write(number % groups_);
    sync();
  }

 private:
  void write(std::uint64_t at) {
    const auto offset = static_cast<off_t>(at * group_.size());
    const ssize_t written = pwrite(file_, group_.data(), group_.size(), offset);
    if (written != static_cast<ssize_t>(group_.size())) throw failed("cannot write a group");
  }
  void sync() {
    if (fdatasync(file_) != 0) throw failed("cannot sync a group");
  }

  std::vector<std::byte> group_;
  std::uint64_t groups_;  // that the file has room for
  int file_ = -1;
};

}  // namespace

Samples measure_group_syncs(const std::filesystem::path& directory, std::uint64_t group_bytes) {
  GroupFile file(directory, std::max<std::uint64_t>(1, group_bytes));
  Samples times;
  const Clock::time_point begin = Clock::now();
  Clock::time_point now = begin;
  for (int i = 0; i < kAtMost && (i < kAtLeast || now - begin < kLongest); ++i) {
    const Clock::time_point start = now;
    file.write_and_sync(static_cast<std::uint64_t>(i));
    now = Clock::now();
    times.record(now - start);
  }
  return times;
}

}  // namespace onelane::bench
