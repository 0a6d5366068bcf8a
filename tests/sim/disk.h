// A disk in memory that logs every call. Its files have the content that the page cache would have;
// power_cut.h says what a power cut leaves of it. SQLite uses it through disk_vfs.h. Safe from any
// thread.
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

// Syncs that answer ok and do nothing, for the controls, which must lose something.
enum class Lies : std::uint8_t {
  none,
  every_sync,
  of_checkpointer,  // all but those of the first two openers of the log: the writer and the syncer
  failed_syncs,     // a sync that a test lets fail answers ok
};

struct DiskOptions {
  bool powersafe = true;        // a write leaves its neighbours in the device's block alone
  bool syncs_directory = true;  // as SQLite does, unchecked, with the first sync of a new log
  Lies lies = Lies::none;
};

// What a write without room gets, as from SQLite's unix VFS: FULL, or an I/O error whose errno the
// file remembers.
enum class NoRoom : std::uint8_t { full_disk, quota };

struct DiskFile;

// The process that opened a file: all connections through one VFS belong to one. Null: our own.
using Process = const void*;

class Disk : public std::enable_shared_from_this<Disk> {
 public:
  static std::shared_ptr<Disk> make(const Image& image = {}, const DiskOptions& options = {});
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  const DiskOptions& options() const noexcept { return options_; }
  // Both only while no thread writes.
  const DiskLog& log() const noexcept { return log_; }
  const Image& start() const noexcept { return start_; }
  Image content() const;

  // Puts a note of the test's into the log, for example that a promise was made.
  void note(std::uint32_t kind, std::uint64_t value);
  // Makes the directory's entries durable, and gives 0 or an errno.
  int sync_directory(VfsFile file = VfsFile::other);

  // All files together hold this many bytes. A write beyond them is refused as on a full disk, or
  // as where a quota is used up.
  void set_room(std::uint64_t bytes, NoRoom why = NoRoom::full_disk);

  // As FaultyVfs. A sync that fails loses a part of what it should have made durable.
  void fail(const VfsFault& fault);
  void heal();
  std::uint64_t failures() const noexcept { return failures_; }
  std::uint64_t failed_syncs() const noexcept { return failed_syncs_; }
  // Of these, those of an intake, which are no sign that SQLite's have failed.
  std::uint64_t failed_intake_syncs() const noexcept { return failed_intake_syncs_; }
  // Since the start, failed ones included.
  std::uint64_t calls(VfsCall call, VfsFile file = VfsFile::any) const;
  // Called at the beginning of each call, on the caller's thread and outside of locks; it may use
  // the disk itself, and is not called for that. Set before others use the disk.
  void meanwhile(std::function<void(VfsCall, VfsFile)> deed) { meanwhile_ = std::move(deed); }

  // What POSIX does when a process closes any descriptor of a file: all of the process's locks on
  // it are gone, and the code that took them does not know.
  void drop_locks(const std::string& name, Process process);

  // The disk after its process was killed: the same cache and log, but no locks and no shared
  // memory. From now on all calls to this object fail.
  std::shared_ptr<Disk> survivor();
  bool dead() const noexcept { return dead_; }

  // --- SQLite's calls, with SQLite's codes.
  bool exists(const std::string& name);
  int remove(const std::string& name);
  // False: there is no such file. What has the new name already is gone.
  bool rename(const std::string& from, const std::string& to);
  // Of all files that begin with it, sorted.
  std::vector<std::string> names(const std::string& prefix) const;
  // SQLITE_OK, or the code with which this call fails, and how much of it is done all the same.
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
  std::atomic<std::uint64_t> failed_intake_syncs_{0};
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
