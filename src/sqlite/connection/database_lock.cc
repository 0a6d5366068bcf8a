#include "src/sqlite/connection/database_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <csignal>
#include <new>

#include "src/sqlite/connection/lock_registry.h"

namespace onelane::inline v0::sqlite {

namespace {

// SQLite's bytes: https://sqlite.org/src/file/src/os.h, PENDING_BYTE to the end of the shared
// range.
constexpr off_t kSqliteFirst = 0x40000000;
constexpr off_t kSqliteBytes = 512;
constexpr off_t kSharedFirst = kSqliteFirst + 2;
constexpr off_t kSharedBytes = 510;
static_assert(kSharedFirst + kSharedBytes == kSqliteFirst + kSqliteBytes);
constexpr off_t kOurByte = kSqliteFirst + 4096;
static_assert(kOurByte >= kSqliteFirst + kSqliteBytes);

constexpr LockBytes kOurs{kOurByte, 1};
constexpr LockBytes kShared{kSharedFirst, kSharedBytes};
constexpr LockBytes kOfDatabase{kSqliteFirst, kOurByte + 1 - kSqliteFirst};

Status already_open(const std::string& path, pid_t owner) {
  const std::string who = owner > 0 ? "process " + std::to_string(owner) : "another process";
  return {Errc::already_open, path + ": another journal, in " + who + ", has it open"};
}

}  // namespace

Status DatabaseLock::free(FileId id, const std::string& path) {
  return LockRegistry::get().free(id, path);
}

FileDescriptor DatabaseLock::left_by_earlier(FileId id) noexcept {
  return LockRegistry::get().parked(id);
}

void DatabaseLock::retire(FileDescriptor file, FileId id) noexcept {
  LockRegistry::get().retire(std::move(file), id, kOfDatabase);
}

// From add() on nothing here needs memory, or the registry would keep what nobody has.
Result<DatabaseLock> DatabaseLock::take(FileDescriptor file, FileId id, std::string path) {
  LockRegistry& registry = LockRegistry::get();
  try {
    if (Status status = registry.add(id, path); !status.ok()) {
      registry.retire(std::move(file), id, kOfDatabase);
      return status;
    }
  } catch (const std::bad_alloc&) {
    registry.retire(std::move(file), id, kOfDatabase);
    throw;
  }
  DatabaseLock lock(LockDescriptor(std::move(file), id, kOfDatabase), std::move(path));
  if (Status status = lock.retake(); !status.ok()) return status;
  return lock;
}

DatabaseLock::~DatabaseLock() {
  if (!file_.ours()) return;
  allow_exclusive();
  if (file_.leads_there()) (void)file_.lock(F_SETLK, F_UNLCK, kOurs);
  const FileId id = file_.id();
  { const LockDescriptor retired(std::move(file_)); }  // with the memory that is kept for it
  LockRegistry::get().remove(id);
}

Status DatabaseLock::retake() const {
  if (file_.lock(F_SETLK, F_WRLCK, kOurs)) return {};
  const int error = errno;
  if (error == EAGAIN || error == EACCES) {
    struct flock owner = lock_of(F_WRLCK, kOurs);
    const bool known = ::fcntl(file_.get(), F_GETLK, &owner) == 0 && owner.l_type != F_UNLCK;
    return already_open(path_, known ? owner.l_pid : 0);
  }
  return cannot_lock(path_, error);
}

Status DatabaseLock::bar_exclusive() const {
  file_.keep_from_children();
  return file_.lock(F_OFD_SETLK, F_RDLCK, kShared) ? Status() : cannot_lock(path_, errno);
}

void DatabaseLock::allow_exclusive() const noexcept {
  if (file_.leads_there()) (void)file_.lock(F_OFD_SETLK, F_UNLCK, kShared);
}

// The question is put by the open file description, to which the process's own lock is somebody
// else's. A close that drops one of the process's locks drops all, so one is looked at.
Status DatabaseLock::keep() const {
  struct flock ours = lock_of(F_WRLCK, kOurs);
  const bool asked = ::fcntl(file_.get(), F_OFD_GETLK, &ours) == 0;
  if (asked && ours.l_type != F_UNLCK && ours.l_pid == file_.process()) [[likely]]
    return {};
  if (!file_.leads_there()) {
    return {Errc::storage, path_ + ": this program has closed the descriptor that holds its locks"};
  }
  if (!file_.lock(F_SETLK, F_RDLCK, kShared)) return cannot_lock(path_, errno);
  Status status = retake();
  if (status.code() != Errc::already_open) return status;
  return {Errc::storage, status.message() +
                             "; it could, since this process had lost its locks: something in this "
                             "program opened and closed the file (see journal.h)"};
}

// Linux grants a write lease only if nothing else has the file open. If another process opens it
// while we hold the lease, the kernel sends us a signal: SIGURG, which is ignored by default, and
// not SIGIO, which would end the process.
bool DatabaseLock::open_nowhere_else() const noexcept {
  if (::fcntl(file_.get(), F_SETSIG, SIGURG) != 0) return false;
  const bool granted = ::fcntl(file_.get(), F_SETLEASE, F_WRLCK) == 0;
  if (granted) (void)::fcntl(file_.get(), F_SETLEASE, F_UNLCK);
  return granted;
}

}  // namespace onelane::inline v0::sqlite
