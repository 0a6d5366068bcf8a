#include "src/sqlite/connection/database_lock.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <system_error>
#include <vector>

namespace onelane::sqlite {

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

using Bytes = LockDescriptor::Bytes;
constexpr Bytes kOurs{kOurByte, 1};
constexpr Bytes kShared{kSharedFirst, kSharedBytes};
constexpr Bytes kOfDatabase{kSqliteFirst, kOurByte + 1 - kSqliteFirst};
// https://sqlite.org/src/file/src/os_unix.c, UNIX_SHM_BASE and UNIX_SHM_DMS: SQLite's locks, and
// one more, which whoever uses the index has shared.
constexpr Bytes kOfIndex{120, SQLITE_SHM_NLOCK + 1};
constexpr Bytes kIndexInUse{kOfIndex.first + SQLITE_SHM_NLOCK, 1};

struct flock lock_of(int type, off_t first, off_t bytes) noexcept {
  struct flock out = {};
  out.l_type = static_cast<short>(type);
  out.l_whence = SEEK_SET;
  out.l_start = first;
  out.l_len = bytes;
  return out;
}

struct flock write_lock(off_t first, off_t bytes) noexcept {
  return lock_of(F_WRLCK, first, bytes);
}

// Whether anybody, this process included, has a lock there.
bool locked(int fd, Bytes bytes) noexcept {
  struct flock asked = write_lock(bytes.first, bytes.count);
  return ::fcntl(fd, F_OFD_GETLK, &asked) != 0 || asked.l_type != F_UNLCK;
}

// What this process has locked, the descriptors that it could not close yet, and those that are
// closed in a child that is forked: by these it would share their locks, and have them after us.
class Registry {
 public:
  // Never destroyed: a static journal may be closed after it would be.
  static Registry& get() {
    static Registry* const one = make();
    return *one;
  }

  Status free(FileId id, const std::string& path);
  Status add(FileId id, const std::string& path);
  void remove(FileId id) noexcept;
  FileDescriptor parked(FileId id) noexcept;
  void retire(FileDescriptor file, FileId id, Bytes bytes) noexcept;
  void keep_from_children(int fd, FileId id);
  void forget(int fd) noexcept;

 private:
  struct Held {
    FileId id;
    base::ForkWitness owner;
  };
  struct Parked {
    FileId id;
    Bytes bytes;
    FileDescriptor file;
  };

  // Nobody forks while the mutex is held: a child finds it free, and inherits none of the short
  // locks of close_unused().
  static Registry* make() {
    static Registry* one = new Registry;
    pthread_atfork([] { one->mutex_.lock(); }, [] { one->mutex_.unlock(); },
                   [] {
                     one->close_inherited();
                     one->mutex_.unlock();
                   });
    return one;
  }
  struct Inheritable {
    int fd;
    FileId id;
  };

  Status free_now(FileId id, const std::string& path) const;
  void close_inherited() noexcept;
  void park(FileDescriptor file, FileId id, Bytes bytes) noexcept;
  void sweep() noexcept;
  bool close_unused(FileDescriptor& file, Bytes bytes) noexcept;

  std::mutex mutex_;
  std::vector<Held> held_;
  std::vector<Parked> parked_;
  std::vector<Inheritable> inheritable_;
};

void Registry::keep_from_children(int fd, FileId id) {
  const std::scoped_lock lock(mutex_);
  inheritable_.push_back({fd, id});
}

void Registry::forget(int fd) noexcept {
  const std::scoped_lock lock(mutex_);
  std::erase_if(inheritable_, [fd](const Inheritable& each) { return each.fd == fd; });
}

void Registry::close_inherited() noexcept {
  for (const Inheritable& each : inheritable_) {
    if (id_of(each.fd) == each.id) ::close(each.fd);
  }
  inheritable_.clear();
}

Status Registry::free(FileId id, const std::string& path) {
  const std::scoped_lock lock(mutex_);
  return free_now(id, path);
}

Status Registry::free_now(FileId id, const std::string& path) const {
  const auto same = [&](const Held& each) { return each.id == id; };
  const auto found = std::find_if(held_.begin(), held_.end(), same);
  if (found == held_.end()) return {};
  if (!found->owner.forked()) {
    return {Errc::already_open, path + ": another journal in this process has it open"};
  }
  // SQLite's table of the locks that a process has is inherited, the locks are not.
  return {Errc::forked,
          path +
              ": it was open when this process was forked, and SQLite cannot open it safely "
              "here; exec a program that does, or fork before it is opened"};
}

Status Registry::add(FileId id, const std::string& path) {
  const std::scoped_lock lock(mutex_);
  sweep();
  if (Status status = free_now(id, path); !status.ok()) return status;
  // A journal has three descriptors, and no retire() should need memory.
  parked_.reserve(parked_.size() + 3 * (held_.size() + 1));
  held_.push_back({id, base::ForkWitness()});
  return {};
}

void Registry::remove(FileId id) noexcept {
  const std::scoped_lock lock(mutex_);
  std::erase_if(held_, [&](const Held& each) { return each.id == id && !each.owner.forked(); });
}

FileDescriptor Registry::parked(FileId id) noexcept {
  const std::scoped_lock lock(mutex_);
  const auto same = [&](const Parked& each) { return each.id == id; };
  const auto found = std::find_if(parked_.begin(), parked_.end(), same);
  if (found == parked_.end()) return {};
  FileDescriptor file = std::move(found->file);
  parked_.erase(found);
  if (id_of(file.get()) == id) return file;
  (void)file.release();  // the program has closed it: the number may be another file's by now
  return {};
}

void Registry::retire(FileDescriptor file, FileId id, Bytes bytes) noexcept {
  const std::scoped_lock lock(mutex_);
  park(std::move(file), id, bytes);
  sweep();
}

void Registry::park(FileDescriptor file, FileId id, Bytes bytes) noexcept {
  try {
    parked_.push_back({id, bytes, std::move(file)});
  } catch (const std::bad_alloc&) {
    (void)file.release();  // open for good, rather than closed at the wrong time
  }
}

void Registry::sweep() noexcept {
  std::erase_if(parked_, [this](Parked& each) {
    if (id_of(each.file.get()) == each.id) return close_unused(each.file, each.bytes);
    (void)each.file.release();
    return true;
  });
}

// While this process has none of these locks on the file and cannot get one: another open file
// description has them all, and a close drops the process's own locks before that one's. Not locked
// through `file` itself, whose description a forked child may share, and so keep locked.
bool Registry::close_unused(FileDescriptor& file, Bytes bytes) noexcept {
  if (locked(file.get(), bytes)) return false;
  std::array<char, 32> name{};  // not a string: a close should need no memory
  std::snprintf(name.data(), name.size(), "/proc/self/fd/%d", file.get());
  FileDescriptor keeper(::open(name.data(), O_RDWR | O_CLOEXEC));
  if (!keeper.open()) return false;
  struct flock all = write_lock(bytes.first, bytes.count);
  if (::fcntl(keeper.get(), F_OFD_SETLK, &all) != 0) {
    (void)keeper.release();  // somebody came just now: to close it would be the very mistake
    return false;
  }
  ::close(file.release());
  return true;
}

Status already_open(const std::string& path, pid_t owner) {
  const std::string who = owner > 0 ? "process " + std::to_string(owner) : "another process";
  return {Errc::already_open, path + ": another journal, in " + who + ", has it open"};
}

Status cannot_lock(const std::string& path, int error) {
  return {Errc::storage, path + ": it cannot be locked: " + std::generic_category().message(error)};
}

}  // namespace

Status DatabaseLock::free(FileId id, const std::string& path) {
  return Registry::get().free(id, path);
}

FileDescriptor DatabaseLock::left_by_earlier(FileId id) noexcept {
  return Registry::get().parked(id);
}

void DatabaseLock::retire(FileDescriptor file, FileId id) noexcept {
  Registry::get().retire(std::move(file), id, kOfDatabase);
}

LockDescriptor::~LockDescriptor() {
  if (!ours()) {
    (void)file_.release();
    return;
  }
  Registry::get().forget(file_.get());
  Registry::get().retire(std::move(file_), id_, locked_);
}

void LockDescriptor::keep_from_children() const {
  Registry::get().keep_from_children(file_.get(), id_);
}

bool LockDescriptor::lock(int command, int type, Bytes bytes) const noexcept {
  struct flock lock = lock_of(type, bytes.first, bytes.count);
  return ::fcntl(file_.get(), command, &lock) == 0;
}

// From add() on nothing here needs memory, or the registry would keep what nobody has.
Result<DatabaseLock> DatabaseLock::take(FileDescriptor file, FileId id, std::string path) {
  Registry& registry = Registry::get();
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
  Registry::get().remove(id);
}

Status DatabaseLock::retake() const {
  if (file_.lock(F_SETLK, F_WRLCK, kOurs)) return {};
  const int error = errno;
  if (error == EAGAIN || error == EACCES) {
    struct flock owner = write_lock(kOurByte, 1);
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

// Asked of the open file description, to which the process's own lock is somebody else's. What
// takes one of the process's locks takes all.
Status DatabaseLock::keep() const {
  struct flock ours = write_lock(kOurByte, 1);
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

Result<IndexDescriptor> IndexDescriptor::take(FileDescriptor file, const std::string& path) {
  const std::optional<FileId> id = id_of(file.get());
  if (!id) return cannot_lock(path, errno);
  LockDescriptor index(std::move(file), *id, kOfIndex);
  index.keep_from_children();
  if (!index.lock(F_OFD_SETLK, F_RDLCK, kIndexInUse)) return cannot_lock(path, errno);
  return IndexDescriptor(std::move(index));
}

IndexDescriptor::~IndexDescriptor() {
  if (file_.ours() && file_.leads_there()) (void)file_.lock(F_OFD_SETLK, F_UNLCK, kOfIndex);
}

bool IndexDescriptor::lock(int type, int first, int count) const noexcept {
  return file_.lock(F_OFD_SETLK, type, {kOfIndex.first + first, count});
}

}  // namespace onelane::sqlite
