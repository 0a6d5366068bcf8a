#include "tests/sim/disk_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <new>
#include <optional>
#include <random>
#include <utility>

#include "tests/sim/disk_handle.h"
#include "tests/support/failing_fsync.h"

namespace onelane::test {

class DiskVfs::Core {
 public:
  explicit Core(const std::string& name);
  ~Core() { sqlite3_vfs_unregister(&vfs_); }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  std::shared_ptr<Disk> disk() const {
    const std::scoped_lock lock(mutex_);
    return disk_;
  }

  const std::string name_;
  sqlite3_vfs vfs_{};
  mutable std::mutex mutex_;
  std::shared_ptr<Disk> disk_;
  std::optional<InsteadOfDirectorySync> directory_sync_;
};

namespace {

thread_local int t_inside = 0;

class Inside {
 public:
  Inside() { ++t_inside; }
  ~Inside() { --t_inside; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

constexpr int kDeviceSector = 4096;
constexpr int kPathMax = 512;

struct File {
  sqlite3_file base;
  DiskHandle* handle;
};

DiskHandle& handle_of(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->handle; }
std::shared_ptr<Disk> disk_of(sqlite3_vfs* vfs) {
  return static_cast<DiskVfs::Core*>(vfs->pAppData)->disk();
}

int meet(sqlite3_file* file, VfsCall call, Written* written = nullptr) {
  DiskHandle& handle = handle_of(file);
  return handle.disk().meet(call, handle.kind(), written);
}

std::span<std::byte> bytes(void* at, int size) {
  return {static_cast<std::byte*>(at), static_cast<std::size_t>(size)};
}
std::span<const std::byte> bytes(const void* at, int size) {
  return {static_cast<const std::byte*>(at), static_cast<std::size_t>(size)};
}

int close(sqlite3_file* file) {
  const Inside inside;
  delete &handle_of(file);
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
  const Inside inside;
  const int code = meet(file, VfsCall::read);
  return code != SQLITE_OK ? code
                           : handle_of(file).read(bytes(to, size), static_cast<std::uint64_t>(at));
}

int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  const Inside inside;
  Written written = Written::all;
  const int code = meet(file, VfsCall::write, &written);
  if (written == Written::nothing) return code;
  const int room = handle_of(file).make_room(static_cast<std::uint64_t>(at + size));
  if (room != SQLITE_OK) return room;
  const int there = written == Written::half ? size / 2 : size;
  handle_of(file).write(bytes(from, there), static_cast<std::uint64_t>(at));
  return code;
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  const Inside inside;
  const int code = meet(file, VfsCall::truncate);
  if (code == SQLITE_OK) handle_of(file).truncate(static_cast<std::uint64_t>(size));
  return code;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  const Inside inside;
  const int code = meet(file, VfsCall::file_size);
  if (code == SQLITE_OK) *size = static_cast<sqlite3_int64>(handle_of(file).size());
  return code;
}

int file_control(sqlite3_file* file, int operation, void* argument) {
  if (operation == SQLITE_FCNTL_LAST_ERRNO) {
    *static_cast<int*>(argument) = handle_of(file).last_errno();
    return SQLITE_OK;
  }
  if (operation == SQLITE_FCNTL_HAS_MOVED) {
    *static_cast<int*>(argument) = handle_of(file).moved() ? 1 : 0;
    return SQLITE_OK;
  }
  if (operation != SQLITE_FCNTL_POWERSAFE_OVERWRITE) return SQLITE_NOTFOUND;
  int& wanted = *static_cast<int*>(argument);
  if (wanted < 0) {
    wanted = handle_of(file).powersafe ? 1 : 0;
  } else {
    handle_of(file).powersafe = wanted != 0;
  }
  return SQLITE_OK;
}

int shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
  const Inside inside;
  if (const int code = meet(file, VfsCall::shm_map); code != SQLITE_OK) return code;
  *out = handle_of(file).shared(static_cast<std::size_t>(region), static_cast<std::size_t>(size),
                                extend != 0);
  return SQLITE_OK;
}

int shm_lock(sqlite3_file* file, int first, int count, int flags) {
  const Inside inside;
  const bool unlocks = (flags & SQLITE_SHM_UNLOCK) != 0;
  const int code = unlocks ? SQLITE_OK : meet(file, VfsCall::shm_lock);
  const unsigned mask = ((1U << count) - 1) << first;
  return code != SQLITE_OK ? code : handle_of(file).shm_lock(mask, flags);
}

constexpr sqlite3_io_methods kMethods = {
    .iVersion = 3,
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync =
        [](sqlite3_file* f, int) {
          const Inside inside;
          return handle_of(f).sync();
        },
    .xFileSize = file_size,
    .xLock =
        [](sqlite3_file* f, int level) {
          const Inside inside;
          const int code = meet(f, VfsCall::lock);
          return code != SQLITE_OK ? code : handle_of(f).lock(level);
        },
    .xUnlock =
        [](sqlite3_file* f, int level) {
          handle_of(f).unlock(level);
          return SQLITE_OK;
        },
    .xCheckReservedLock =
        [](sqlite3_file* f, int* out) {
          *out = handle_of(f).reserved() ? 1 : 0;
          return SQLITE_OK;
        },
    .xFileControl = file_control,
    .xSectorSize = [](sqlite3_file*) { return kDeviceSector; },
    .xDeviceCharacteristics =
        [](sqlite3_file* f) {
          return handle_of(f).powersafe ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
        },
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = [](sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); },
    .xShmUnmap =
        [](sqlite3_file* f, int unlinks) {
          handle_of(f).shm_unmap(unlinks != 0);
          return SQLITE_OK;
        },
    .xFetch =
        [](sqlite3_file*, sqlite3_int64, int, void** out) {
          *out = nullptr;
          return SQLITE_OK;
        },
    .xUnfetch = [](sqlite3_file* f, sqlite3_int64, void*) { return meet(f, VfsCall::unfetch); },
};

VfsFile kind_of(int flags) {
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) return VfsFile::database;
  if ((flags & SQLITE_OPEN_WAL) != 0) return VfsFile::log;
  if ((flags & SQLITE_OPEN_MAIN_JOURNAL) != 0) return VfsFile::journal;
  return VfsFile::other;
}

// A database that is not there is made: onelane itself makes the file before SQLite opens it.
int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* out_flags) {
  const Inside inside;
  out->pMethods = nullptr;
  static std::atomic<std::uint64_t> temporary{0};
  std::shared_ptr<Disk> disk = disk_of(vfs);
  const VfsFile kind = kind_of(flags);
  if (const int code = disk->meet(VfsCall::open, kind); code != SQLITE_OK) return code;
  const std::string path = name != nullptr ? name : "temporary-" + std::to_string(++temporary);
  auto* handle = new (std::nothrow) DiskHandle(std::move(disk), path, kind, vfs->pAppData);
  if (handle == nullptr) return SQLITE_NOMEM;
  const char* parameters = (flags & SQLITE_OPEN_URI) != 0 ? name : nullptr;
  handle->powersafe = sqlite3_uri_boolean(parameters, "psow", 1) != 0;
  new (out) File{{&kMethods}, handle};
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* name, int syncs_directory) {
  const Inside inside;
  const std::shared_ptr<Disk> disk = disk_of(vfs);
  int code = disk->meet(VfsCall::remove, VfsFile::other);
  if (code == SQLITE_OK) code = disk->remove(name);
  if (code != SQLITE_OK || syncs_directory == 0) return code;
  return disk->sync_directory() == 0 ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

int access(sqlite3_vfs* vfs, const char* name, int, int* out) {
  const Inside inside;
  const std::shared_ptr<Disk> disk = disk_of(vfs);
  const int code = disk->meet(VfsCall::access, VfsFile::other);
  if (code == SQLITE_OK) *out = disk->exists(name) ? 1 : 0;
  return code;
}

int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  return sqlite3_snprintf(size, out, "%s", name) != nullptr ? SQLITE_OK : SQLITE_CANTOPEN;
}

// The same in each run: salts come from here.
int randomness(sqlite3_vfs*, int size, char* out) {
  const Inside inside;
  static std::atomic<std::uint64_t> seed{1};
  std::mt19937_64 random(seed++);
  for (char& each : std::span(out, static_cast<std::size_t>(size))) {
    each = static_cast<char>(random());
  }
  return size;
}

}  // namespace

DiskVfs::Core::Core(const std::string& name) : name_(name) {
  const sqlite3_vfs* system = sqlite3_vfs_find("unix");
  vfs_ = *system;  // for the time, and what concerns no file
  vfs_.szOsFile = sizeof(File);
  vfs_.mxPathname = kPathMax;
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = open;
  vfs_.xDelete = remove;
  vfs_.xAccess = access;
  vfs_.xFullPathname = full_path;
  vfs_.xRandomness = randomness;
  vfs_.xSleep = [](sqlite3_vfs*, int us) { return us; };
}

DiskVfs::DiskVfs(const std::string& name, Use use) : core_(std::make_unique<Core>(name)) {
  sqlite3_vfs_register(&core_->vfs_, use == Use::by_default ? 1 : 0);
  if (use == Use::by_name) return;
  core_->directory_sync_.emplace([core = core_.get()] {
    const Inside inside;
    return core->disk()->sync_directory();
  });
}

DiskVfs::~DiskVfs() = default;

void DiskVfs::mount(std::shared_ptr<Disk> disk) {
  const std::scoped_lock lock(core_->mutex_);
  core_->disk_ = std::move(disk);
}

std::shared_ptr<Disk> DiskVfs::mounted() const { return core_->disk(); }

bool DiskVfs::inside() noexcept { return t_inside > 0; }

Process DiskVfs::process() const noexcept { return core_.get(); }

const char* DiskVfs::name() const noexcept { return core_->name_.c_str(); }

}  // namespace onelane::test
