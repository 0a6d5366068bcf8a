#include "src/sqlite/log/index_locks.h"

#include <fcntl.h>

#include <cerrno>
#include <string_view>
#include <type_traits>

#include "src/sqlite/connection/sync_name.h"
#include "src/sqlite/connection/wal_format.h"

namespace onelane::inline v0::sqlite {

namespace {

bool is_sqlites_own(Connection& connection) noexcept {
  sqlite3_vfs* vfs = nullptr;
  const int code =
      sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
  return code == SQLITE_OK && vfs != nullptr && std::string_view(vfs->zName) == "unix";
}

}  // namespace

Result<std::unique_ptr<IndexLocks>> IndexLocks::install(Connection& connection,
                                                        const Files& files) {
  std::unique_ptr<IndexLocks> locks(new IndexLocks(connection.database_file()));
  if (is_sqlites_own(connection)) {
    Result<IndexDescriptor> index = files.open_index();
    if (!index) return index.status();
    locks->index_.emplace(*std::move(index));
  }
  return locks;
}

IndexLocks::IndexLocks(sqlite3_file* database) noexcept
    : methods_{methods_of(*database), this}, real_(database->pMethods), file_(database) {
  methods_.methods.xShmLock = lock;
  methods_.methods.xWrite = write;
  methods_.methods.xSync = sync;
  file_->pMethods = &methods_.methods;
}

IndexLocks::~IndexLocks() { file_->pMethods = real_; }

const IndexLocks& IndexLocks::of(sqlite3_file* file) noexcept {
  static_assert(std::is_standard_layout_v<Methods>, "its methods are where it is");
  return *reinterpret_cast<const Methods*>(file->pMethods)->locks;
}

int IndexLocks::write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 at) {
  const IndexLocks& self = of(file);
  const int code = self.real_->xWrite(file, data, bytes, at);
  return code == SQLITE_OK && self.tell_written_ ? self.tell_written_(bytes) : code;
}

int IndexLocks::sync(sqlite3_file* file, int flags) {
  return SyncName::of(of(file).real_->xSync(file, flags));
}

int IndexLocks::lock(sqlite3_file* file, int first, int count, int flags) {
  const IndexLocks& self = of(file);
  constexpr int kGivenUp = SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE;
  if (first == wal::kWriteLock && flags == kGivenUp && self.tell_) self.tell_();
  return self.index_ ? self.lock_byte(first, count, flags)
                     : self.real_->xShmLock(file, first, count, flags);
}

int IndexLocks::lock_byte(int first, int count, int flags) const noexcept {
  const bool unlocks = (flags & SQLITE_SHM_UNLOCK) != 0;
  const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
  const int type = unlocks ? F_UNLCK : shared ? F_RDLCK : F_WRLCK;
  if (index_->lock(type, first, count)) return SQLITE_OK;
  return errno == EAGAIN || errno == EACCES ? SQLITE_BUSY : SQLITE_IOERR_SHMLOCK;
}

}  // namespace onelane::inline v0::sqlite
