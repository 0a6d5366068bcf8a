#include "src/sqlite/connection/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <system_error>
#include <utility>

namespace onelane::inline v0::sqlite {

namespace {

constexpr mode_t kPrivate = S_IRUSR | S_IWUSR;
// What lies beside the database. A user that controls one of these files controls the content.
constexpr const char* kNeighbours[] = {kLogSuffix, kIndexSuffix, kJournalSuffix, kBallastSuffix};

Status wrong(const std::string& path, const std::string& reason) {
  return {Errc::invalid_argument, path + ": " + reason};
}

Status system_error(const std::string& path, const std::string& what, int error) {
  return {Errc::storage, path + ": " + what + ": " + std::generic_category().message(error)};
}

Status read_only(const std::string& path, const std::string& what, int error) {
  const Status status = system_error(path, what, error);
  const bool forbidden = error == EACCES || error == EPERM || error == EROFS;
  return {status.code(), status.message(), forbidden ? SQLITE_READONLY : 0};
}

Reply lost(Status why) {
  Reply out;
  out.fault = Fault::sync;
  out.effect = Effect::ended;
  out.cause = std::move(why);
  return out;
}

// A path that leads nowhere is the caller's mistake; a lack of descriptors or memory is not.
Status unusable(const std::string& directory, int error) {
  const bool path = error == ENOENT || error == ENOTDIR || error == ELOOP ||
                    error == ENAMETOOLONG || error == EACCES || error == EINVAL;
  const Errc code = path ? Errc::invalid_argument : Errc::storage;
  return {code,
          directory + ": the directory cannot be used: " + std::generic_category().message(error)};
}

bool mine(const struct stat& file) noexcept { return geteuid() == 0 || file.st_uid == geteuid(); }

Status check_plain(const std::string& path, const struct stat& file) {
  if (S_ISLNK(file.st_mode)) return wrong(path, "is a link; give the path of the file itself");
  if (S_ISDIR(file.st_mode)) return wrong(path, "is a directory; give the path of a file");
  if (!S_ISREG(file.st_mode)) return wrong(path, "is not a regular file");
  if (file.st_nlink > 1) {
    return wrong(path,
                 "has " + std::to_string(file.st_nlink) +
                     " hard links; a database must have one name, since its log is found by it");
  }
  if (!mine(file)) {
    return wrong(path, "belongs to user " + std::to_string(file.st_uid) +
                           ", not to this process's " + std::to_string(geteuid()));
  }
  return {};
}

}  // namespace

Result<Files> Files::take(const std::filesystem::path& path, std::filesystem::perms mode) {
  occupy_standard_descriptors();
  Files files;
  files.mode_ = mode;
  Status status = files.locate(path);
  if (status.ok()) status = files.check_plain(files.name_);
  for (const char* suffix : kNeighbours) {
    if (status.ok()) status = files.check_plain(files.name_ + suffix);
  }
  if (!status.ok()) return status;
  files.found_ballast_ =
      id_of(files.directory_fd_.get(), (files.name_ + kBallastSuffix).c_str()).has_value();
  status = files.check_writable();
  if (status.ok()) status = files.lock();
  if (!status.ok()) return status;
  return files;
}

Status Files::locate(const std::filesystem::path& path) {
  const std::string& given = path.native();
  if (given.empty()) return wrong("\"\"", "the path is empty; give the path of a file");
  if (given.find('\0') != std::string::npos) return wrong("the path", "has a NUL byte in it");
  if (given == ":memory:") return wrong(given, "a journal needs a file; give its path");
  if (given.starts_with("file:")) {
    return wrong(given, "URIs are not taken; give the path of the file (\"./" + given +
                            "\" if it is called so)");
  }
  name_ = path.filename().native();
  if (name_.empty()) return wrong(given, "names a directory; give the path of a file");
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::absolute(path, error).parent_path();
  if (error) return system_error(given, "no absolute path", error.value());
  return open_directory(parent);
}

Status Files::open_directory(const std::filesystem::path& directory) {
  std::error_code error;
  directory_ = std::filesystem::canonical(directory, error).native();
  if (error) return unusable(directory.native(), error.value());
  database_ = path_of(name_);
  directory_fd_ = FileDescriptor(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat found = {};
  if (!directory_fd_.open() || ::fstat(directory_fd_.get(), &found) != 0) {
    return unusable(directory_, errno);
  }
  if ((found.st_mode & S_IWOTH) != 0 && (found.st_mode & S_ISVTX) == 0) {
    return wrong(directory_,
                 "everybody may replace files in this directory; take write permission "
                 "from others (chmod o-w)");
  }
  return {};
}

std::string Files::path_of(const std::string& name) const {
  return directory_ == "/" ? directory_ + name : directory_ + "/" + name;
}

Status Files::check_plain(const std::string& name) const {
  struct stat found = {};
  if (::fstatat(directory_fd_.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) {
    return sqlite::check_plain(path_of(name), found);
  }
  return errno == ENOENT ? Status() : system_error(path_of(name), "cannot be looked at", errno);
}

// SQLite makes its log in the directory, and removes it; it would say only that some file cannot be
// opened.
Status Files::check_writable() const {
  if (::faccessat(directory_fd_.get(), ".", W_OK | X_OK, AT_EACCESS) == 0) return {};
  return read_only(directory_, "SQLite's log cannot be made in this directory", errno);
}

// The file is opened only if this process does not have it: see DatabaseLock::free.
Status Files::lock() {
  std::string path = database_;  // before there is a file that must not be closed by an exception
  FileDescriptor file;
  const std::optional<FileId> named = id_of(directory_fd_.get(), name_.c_str());
  if (named) {
    if (Status status = DatabaseLock::free(*named, database_); !status.ok()) return status;
    file = DatabaseLock::left_by_earlier(*named);
  }
  if (!file.open()) {
    Result<FileDescriptor> opened = open_or_make();
    if (!opened) return opened.status();
    file = *std::move(opened);
  }
  struct stat found = {};
  if (::fstat(file.get(), &found) != 0)
    return system_error(database_, "cannot be looked at", errno);
  if (Status status = sqlite::check_plain(database_, found); !status.ok()) {
    DatabaseLock::retire(std::move(file), id_of(found));
    return status;
  }
  Result<DatabaseLock> lock = DatabaseLock::take(std::move(file), id_of(found), std::move(path));
  if (!lock) return lock.status();
  lock_.emplace(*std::move(lock));
  if (id_of(directory_fd_.get(), name_.c_str()) == lock_->id()) return {};
  return {Errc::already_open,
          database_ + ": another journal, whose opening failed, has removed it"};
}

// Made here and not by SQLite for the sake of its mode.
Result<FileDescriptor> Files::open_or_make() {
  constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  FileDescriptor file(::openat(directory_fd_.get(), name_.c_str(), kFlags));
  if (file.open()) return file;
  if (errno != ENOENT) return read_only(database_, "cannot be opened for writing", errno);
  file = FileDescriptor(
      ::openat(directory_fd_.get(), name_.c_str(), kFlags | O_CREAT | O_EXCL, kPrivate));
  if (!file.open()) return system_error(database_, "cannot be made", errno);
  made_ = true;
  // The mask may have taken bits of it.
  if (::fchmod(file.get(), static_cast<mode_t>(mode_)) == 0) return file;
  return system_error(database_, "cannot be given its mode", errno);
}

// A file that is not there is as good as empty.
bool Files::is_empty(const std::string& name) const noexcept {
  struct stat found = {};
  if (::fstatat(directory_fd_.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) {
    return found.st_size == 0;
  }
  return errno == ENOENT;
}

void Files::remove_made() {
  if (!made_ || !lock_again() || !lock_->open_nowhere_else()) return;
  if (id_of(directory_fd_.get(), name_.c_str()) != lock_->id()) return;
  (void)::unlinkat(directory_fd_.get(), name_.c_str(), 0);
}

Status Files::settle() {
  Status status = lock_->retake();
  if (status.ok()) status = lock_->bar_exclusive();
  if (!status.ok()) return status;
  identity_ = std::make_unique<Identity>(directory_fd_.get(), database_, name_, lock_->id());
  return {};
}

Result<IndexDescriptor> Files::open_index() const {
  const std::string name = name_ + kIndexSuffix;
  constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;
  FileDescriptor file(::openat(directory_fd_.get(), name.c_str(), kFlags));
  if (!file.open()) return system_error(path_of(name), "cannot be opened", errno);
  return IndexDescriptor::take(std::move(file), path_of(name));
}

Reply Files::intact(sqlite3_file& log) const {
  Status status = lock_->keep();
  if (status.ok()) status = identity_->check_moved(log);
  if (status.ok()) status = identity_->check();
  return status.ok() ? Reply() : lost(std::move(status));
}

Reply Files::seemingly_intact(sqlite3_file& log) {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  const std::int64_t now_ns = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  const bool just_looked = std::exchange(looked_ns_, now_ns) == now_ns;
  return just_looked && identity_->check_moved(log).ok() ? Reply() : intact(log);
}

Status Files::sync_directory() const {
  if (::fsync(directory_fd_.get()) == 0) return {};
  return {Errc::storage,
          "its directory cannot be synced: " + std::generic_category().message(errno)};
}

}  // namespace onelane::inline v0::sqlite
