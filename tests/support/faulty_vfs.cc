#include "tests/support/faulty_vfs.h"

#include <array>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace onelane::test {

namespace {

constexpr const char* kName = "faulty";

VfsFile kind_of(int open_flags) noexcept {
  if ((open_flags & SQLITE_OPEN_MAIN_DB) != 0) return VfsFile::database;
  if ((open_flags & SQLITE_OPEN_WAL) != 0) return VfsFile::log;
  if ((open_flags & SQLITE_OPEN_MAIN_JOURNAL) != 0) return VfsFile::journal;
  return VfsFile::other;
}

}  // namespace

class FaultyVfs::Core {
 public:
  Core();
  ~Core() { sqlite3_vfs_unregister(&vfs_); }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // The code to fail with, or SQLITE_OK.
  int meet(VfsCall call, VfsFile file) {
    std::unique_lock lock(mutex_);
    ++calls_[static_cast<std::size_t>(call)][static_cast<std::size_t>(file)];
    if (deed_ && deed_call_ == call && deed_file_ == file) {
      const std::function<void()> deed = std::exchange(deed_, nullptr);
      lock.unlock();
      deed();
      lock.lock();
    }
    if (!fault_ || fault_->call != call) return SQLITE_OK;
    if (fault_->file != VfsFile::any && fault_->file != file) return SQLITE_OK;
    if (fault_->after > 0) {
      --fault_->after;
      return SQLITE_OK;
    }
    ++failures_;
    const int code = fault_->code;
    if (fault_->repeat == Repeat::once) fault_.reset();
    return code;
  }
  void sleep(std::uint64_t us) {
    const std::lock_guard lock(mutex_);
    slept_us_ += us;
  }

  sqlite3_vfs vfs_{};
  sqlite3_vfs* unix_ = nullptr;
  mutable std::mutex mutex_;
  std::optional<VfsFault> fault_;
  std::function<void()> deed_;
  VfsCall deed_call_{};
  VfsFile deed_file_{};
  std::array<std::array<std::uint64_t, kVfsFileCount>, kVfsCallCount> calls_{};
  std::uint64_t failures_ = 0;
  std::uint64_t slept_us_ = 0;
};

namespace {

using Core = FaultyVfs::Core;

// SQLite gives szOsFile bytes: ours, and after them the unix VFS's.
struct File {
  sqlite3_file base;
  Core* core;
  VfsFile kind;

  sqlite3_file* real() noexcept { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

Core& core_of(sqlite3_vfs* vfs) { return *static_cast<Core*>(vfs->pAppData); }
sqlite3_vfs* unix_of(sqlite3_vfs* vfs) { return core_of(vfs).unix_; }
File& file_of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }

// Meets the fault, or passes the call on to the unix file's method.
template <class Method, class... Arguments>
int pass(VfsCall call, sqlite3_file* file, Method method, Arguments... arguments) {
  File& ours = file_of(file);
  const int code = ours.core->meet(call, ours.kind);
  if (code != SQLITE_OK) return code;
  return (ours.real()->pMethods->*method)(ours.real(), arguments...);
}

// Passes on what cannot be made to fail.
template <class Method, class... Arguments>
auto pass(sqlite3_file* file, Method method, Arguments... arguments) {
  sqlite3_file* real = file_of(file).real();
  return (real->pMethods->*method)(real, arguments...);
}

using Methods = sqlite3_io_methods;

// A fetch that maps nothing, so that every read is seen.
constexpr Methods kMethods = {
    .iVersion = 3,
    .xClose = [](sqlite3_file* f) { return pass(f, &Methods::xClose); },
    .xRead = [](sqlite3_file* f, void* to, int size,
                sqlite3_int64 at) { return pass(VfsCall::read, f, &Methods::xRead, to, size, at); },
    .xWrite =
        [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
          return pass(VfsCall::write, f, &Methods::xWrite, from, size, at);
        },
    .xTruncate =
        [](sqlite3_file* f, sqlite3_int64 size) {
          return pass(VfsCall::truncate, f, &Methods::xTruncate, size);
        },
    .xSync = [](sqlite3_file* f,
                int flags) { return pass(VfsCall::sync, f, &Methods::xSync, flags); },
    .xFileSize =
        [](sqlite3_file* f, sqlite3_int64* size) {
          return pass(VfsCall::file_size, f, &Methods::xFileSize, size);
        },
    .xLock = [](sqlite3_file* f,
                int level) { return pass(VfsCall::lock, f, &Methods::xLock, level); },
    .xUnlock = [](sqlite3_file* f, int level) { return pass(f, &Methods::xUnlock, level); },
    .xCheckReservedLock = [](sqlite3_file* f,
                             int* out) { return pass(f, &Methods::xCheckReservedLock, out); },
    .xFileControl = [](sqlite3_file* f, int op,
                       void* argument) { return pass(f, &Methods::xFileControl, op, argument); },
    .xSectorSize = [](sqlite3_file* f) { return pass(f, &Methods::xSectorSize); },
    .xDeviceCharacteristics =
        [](sqlite3_file* f) { return pass(f, &Methods::xDeviceCharacteristics); },
    .xShmMap =
        [](sqlite3_file* f, int region, int size, int extend, void volatile** out) {
          return pass(VfsCall::shm_map, f, &Methods::xShmMap, region, size, extend, out);
        },
    .xShmLock =
        [](sqlite3_file* f, int offset, int count, int flags) {
          // A refused unlock would only wedge SQLite; the faults of interest are refused locks.
          if ((flags & SQLITE_SHM_UNLOCK) != 0) {
            return pass(f, &Methods::xShmLock, offset, count, flags);
          }
          return pass(VfsCall::shm_lock, f, &Methods::xShmLock, offset, count, flags);
        },
    .xShmBarrier = [](sqlite3_file* f) { pass(f, &Methods::xShmBarrier); },
    .xShmUnmap = [](sqlite3_file* f, int remove) { return pass(f, &Methods::xShmUnmap, remove); },
    .xFetch =
        [](sqlite3_file*, sqlite3_int64, int, void** out) {
          *out = nullptr;
          return SQLITE_OK;
        },
    .xUnfetch = [](sqlite3_file* f, sqlite3_int64,
                   void*) { return file_of(f).core->meet(VfsCall::unfetch, file_of(f).kind); },
};

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* out_flags) {
  out->pMethods = nullptr;
  Core& core = core_of(vfs);
  const VfsFile kind = kind_of(flags);
  if (const int code = core.meet(VfsCall::open, kind); code != SQLITE_OK) return code;
  File* file = new (out) File{{nullptr}, &core, kind};
  const int code = core.unix_->xOpen(core.unix_, name, file->real(), flags, out_flags);
  if (file->real()->pMethods != nullptr) file->base.pMethods = &kMethods;
  return code;
}

}  // namespace

FaultyVfs::Core::Core() : unix_(sqlite3_vfs_find("unix")) {
  vfs_ = *unix_;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + unix_->szOsFile;
  vfs_.pNext = nullptr;
  vfs_.zName = kName;
  vfs_.pAppData = this;
  vfs_.xOpen = open;
  vfs_.xDelete = [](sqlite3_vfs* v, const char* name, int sync_directory) {
    const int code = core_of(v).meet(VfsCall::remove, VfsFile::other);
    return code != SQLITE_OK ? code : unix_of(v)->xDelete(unix_of(v), name, sync_directory);
  };
  vfs_.xAccess = [](sqlite3_vfs* v, const char* name, int flags, int* out) {
    const int code = core_of(v).meet(VfsCall::access, VfsFile::other);
    return code != SQLITE_OK ? code : unix_of(v)->xAccess(unix_of(v), name, flags, out);
  };
  vfs_.xFullPathname = [](sqlite3_vfs* v, const char* name, int size, char* out) {
    return unix_of(v)->xFullPathname(unix_of(v), name, size, out);
  };
  vfs_.xSleep = [](sqlite3_vfs* v, int us) {
    core_of(v).sleep(static_cast<std::uint64_t>(us));
    return us;
  };
  sqlite3_vfs_register(&vfs_, 1);
}

FaultyVfs::FaultyVfs() : core_(std::make_unique<Core>()) {}
FaultyVfs::~FaultyVfs() = default;

void FaultyVfs::fail(const VfsFault& fault) {
  const std::lock_guard lock(core_->mutex_);
  core_->fault_ = fault;
}

void FaultyVfs::heal() {
  const std::lock_guard lock(core_->mutex_);
  core_->fault_.reset();
}

void FaultyVfs::meanwhile(VfsCall call, VfsFile file, std::function<void()> deed) {
  const std::lock_guard lock(core_->mutex_);
  core_->deed_call_ = call;
  core_->deed_file_ = file;
  core_->deed_ = std::move(deed);
}

std::uint64_t FaultyVfs::calls(VfsCall call, VfsFile file) const {
  const std::lock_guard lock(core_->mutex_);
  const auto& counts = core_->calls_[static_cast<std::size_t>(call)];
  if (file != VfsFile::any) return counts[static_cast<std::size_t>(file)];
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts) sum += count;
  return sum;
}

std::uint64_t FaultyVfs::failures() const {
  const std::lock_guard lock(core_->mutex_);
  return core_->failures_;
}

std::uint64_t FaultyVfs::slept_us() const {
  const std::lock_guard lock(core_->mutex_);
  return core_->slept_us_;
}

}  // namespace onelane::test
