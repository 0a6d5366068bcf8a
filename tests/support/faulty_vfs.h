// A VFS for SQLite that passes everything to the unix one and fails the calls it was told to fail.
// It is SQLite's default VFS while it lives; connections opened meanwhile must be closed before it
// ends. Safe from any thread.
//
//   FaultyVfs vfs;
//   vfs.fail({.call = VfsCall::sync, .file = VfsFile::log, .code = SQLITE_IOERR_FSYNC});
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace onelane::test {

enum class VfsCall : std::uint8_t {
  open,
  remove,
  access,
  read,
  write,
  truncate,
  sync,
  file_size,
  lock,
  shm_map,   // asked of the database's file
  shm_lock,  // asked of the database's file
  // After a checkpoint has read the log's header, and before it reads how much is copied: a commit
  // must not fall there. Only if the header changed since the connection last read it.
  unfetch,
};
inline constexpr std::size_t kVfsCallCount = 12;

// `intake` is onelane's own, and its folder: on a disk in memory only.
enum class VfsFile : std::uint8_t { any, database, log, journal, other, intake };
inline constexpr std::size_t kVfsFileCount = 6;

enum class Repeat : std::uint8_t { once, always };

// How much of a failed write reaches the file all the same.
enum class Written : std::uint8_t { nothing, half, all };

struct VfsFault {
  VfsCall call = VfsCall::write;
  VfsFile file = VfsFile::any;
  int code = SQLITE_IOERR;  // what the call returns; nothing is passed on
  // The calls that match and still succeed, from now on.
  std::uint64_t after = 0;
  Repeat repeat = Repeat::once;
  Written written = Written::half;  // only on a disk in memory; else nothing
};

class FaultyVfs {
 public:
  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  // Replaces what was asked before.
  void fail(const VfsFault& fault);
  void heal();

  // Runs `deed` inside the next such call, once. Replaces what was asked before.
  void meanwhile(VfsCall call, VfsFile file, std::function<void()> deed);

  // Since the start, failed ones included.
  std::uint64_t calls(VfsCall call, VfsFile file = VfsFile::any) const;
  std::uint64_t failures() const;
  // What SQLite's busy handlers slept, in microseconds: counted, not slept.
  std::uint64_t slept_us() const;

  class Core;  // what the callbacks see

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace onelane::test
