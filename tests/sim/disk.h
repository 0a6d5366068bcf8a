// A disk in memory that writes down all it is told. What its files hold is what the page cache
// would; what of that a power cut leaves is power_cut.h's business. SQLite uses it through
// disk_vfs.h. Safe from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/disk_log.h"
#include "tests/support/faulty_vfs.h"

namespace onelane::test {

// Syncs that answer ok and do nothing: what the tests that must lose something are made of.
enum class Lies : std::uint8_t {
  none,
  every_sync,
  of_checkpointer,  // all but those of the two who open the log first: to write, and to sync it
  failed_syncs,     // a sync that was told to fail does so, and says it went well
};

struct DiskOptions {
  bool powersafe = true;        // a write leaves its neighbours in the device's block alone
  bool syncs_directory = true;  // as SQLite does, unchecked, with the first sync of a new log
  Lies lies = Lies::none;
};

// What SQLite's unix VFS answers where there is no room: FULL, or an I/O error whose errno the file
// remembers.
enum class NoRoom : std::uint8_t { full_disk, quota };

struct DiskFile;

// Who opened a file: connections through one VFS are one process's, null its own.
using Process = const void*;

class Disk : public std::enable_shared_from_this<Disk> {
 public:
  static std::shared_ptr<Disk> make(const Image& image = {}, const DiskOptions& options = {});
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  const DiskOptions& options() const noexcept { return options_; }
  // Both for when nobody writes any more.
  const DiskLog& log() const noexcept { return log_; }
  const Image& start() const noexcept { return start_; }
  Image content() const;

  // What the user promised somebody, in the one order.
  void note(std::uint32_t kind, std::uint64_t value);
  // Makes the directory's entries durable, and gives 0 or an errno.
  int sync_directory();

  // This many bytes fit, in all files; a write of more is refused as on a full disk, or as where a
  // quota is used up.
  void set_room(std::uint64_t bytes, NoRoom why = NoRoom::full_disk);

  // As FaultyVfs, and a sync that fails loses what it should have kept.
  void fail(const VfsFault& fault);
  void heal();
  std::uint64_t failures() const noexcept { return failures_; }
  std::uint64_t failed_syncs() const noexcept { return failed_syncs_; }
  // Since the start, failed ones included.
  std::uint64_t calls(VfsCall call, VfsFile file = VfsFile::any) const;
  // Called at the beginning of each call, on the caller's thread and outside of locks; it may use
  // the disk itself, and is not called for that. Set before others use the disk.
  void meanwhile(std::function<void(VfsCall, VfsFile)> deed) { meanwhile_ = std::move(deed); }

  // What POSIX does when a process closes any descriptor of a file: its locks on it are gone, and
  // whoever took them does not know.
  void drop_locks(const std::string& name, Process process);

  // The disk after its process was killed: the same cache and log, no locks, no shared memory. All
  // calls to this one fail from now on.
  std::shared_ptr<Disk> survivor();
  bool dead() const noexcept { return dead_; }

  // The rest is what SQLite asks for. The codes are SQLite's.
  bool exists(const std::string& name);
  int remove(const std::string& name);
  // SQLITE_OK, or what this call is to fail with, and how much of it is done all the same.
  int meet(VfsCall call, VfsFile file, Written* written = nullptr);

 private:
  friend class DiskHandle;

  Disk(const Image& image, const DiskOptions& options);
  std::shared_ptr<DiskFile> add(const std::string& name);
  void sync_entries();

  Image start_;
  const DiskOptions options_;
  std::function<void(VfsCall, VfsFile)> meanwhile_;
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> failed_syncs_{0};
  std::atomic<bool> dead_{false};

  mutable std::mutex mutex_;  // of all below, and of what is in the files
  DiskLog log_;
  std::map<std::string, std::shared_ptr<DiskFile>> files_;
  std::uint32_t files_made_ = 0;
  std::uint64_t room_ = ~std::uint64_t{0};
  NoRoom no_room_ = NoRoom::full_disk;
  std::optional<VfsFault> fault_;
  std::array<std::array<std::uint64_t, kVfsFileCount>, kVfsCallCount> calls_{};
};

}  // namespace onelane::test
