#include "tools/kit/disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <vector>

#include "tools/kit/errors.h"

namespace onelane::kit {
namespace {

// The numbers are in statfs(2).
struct Known {
  std::int64_t magic;
  std::string_view name;
  Store store;
};
constexpr std::array kKnown{
    Known{0xEF53, "ext4", Store::disk},           Known{0x58465342, "xfs", Store::disk},
    Known{0x9123683E, "btrfs", Store::disk},      Known{0x2FC12FC1, "zfs", Store::disk},
    Known{0xF2F52010, "f2fs", Store::disk},       Known{0xCA451A4E, "bcachefs", Store::disk},
    Known{0x01021994, "tmpfs", Store::memory},    Known{0x858458F6, "ramfs", Store::memory},
    Known{0x6969, "nfs", Store::network},         Known{0xFF534D42, "cifs", Store::network},
    Known{0xFE534D42, "smb2", Store::network},    Known{0x517B, "smb", Store::network},
    Known{0x01021997, "9p", Store::network},      Known{0x00C36400, "ceph", Store::network},
    Known{0x65735546, "fuse", Store::network},    Known{0x5346414F, "afs", Store::network},
    Known{0x0BD00BD0, "lustre", Store::network},  Known{0x47504653, "gpfs", Store::network},
    Known{0x794C7630, "overlayfs", Store::layers}};

class Scrap {
 public:
  explicit Scrap(const std::filesystem::path& directory) {
    std::string name = directory / "sync-XXXXXX";
    file_ = mkostemp(name.data(), O_CLOEXEC);
    if (file_ < 0) {
      throw RunError(fmt::format("cannot make a file in {}: {}", directory.string(),
                                 std::generic_category().message(errno)));
    }
    unlink(name.c_str());
  }
  Scrap(const Scrap&) = delete;
  Scrap& operator=(const Scrap&) = delete;
  ~Scrap() { close(file_); }

  void append_and_sync(const std::vector<char>& bytes) const {
    const auto written = write(file_, bytes.data(), bytes.size());
    if (written != static_cast<ssize_t>(bytes.size()) || fdatasync(file_) != 0) {
      throw RunError(fmt::format("cannot write and sync: {}",
                                 std::generic_category().message(written < 0 ? errno : ENOSPC)));
    }
  }

 private:
  int file_;
};

}  // namespace

FileSystem file_system_of(const std::filesystem::path& directory) {
  struct statfs info = {};
  if (statfs(directory.c_str(), &info) != 0) return {"unknown"};
  const std::int64_t magic = static_cast<std::int64_t>(info.f_type) & 0xFFFFFFFF;
  for (const Known& known : kKnown) {
    if (known.magic == magic) return {std::string(known.name), known.store};
  }
  return {fmt::format("0x{:x}", magic)};
}

Histogram measure_syncs(const std::filesystem::path& directory, const SyncLoad& load) {
  using Clock = std::chrono::steady_clock;
  const Scrap scrap(directory);
  const std::vector<char> bytes(load.bytes);
  const Clock::time_point end = Clock::now() + load.limit;
  Histogram times;
  Clock::time_point start = Clock::now();
  for (int i = 0; i < load.times && start < end; ++i) {
    scrap.append_and_sync(bytes);
    const Clock::time_point now = Clock::now();
    times.record(now - start);
    start = now;
  }
  return times;
}

}  // namespace onelane::kit
