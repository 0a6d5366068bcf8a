#include "src/sqlite/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace onelane::sqlite {

namespace {

constexpr mode_t kPrivate = S_IRUSR | S_IWUSR;
constexpr const char* kLockSuffix = "-onelane";
// Files that SQLite itself keeps beside the database; who controls one controls the content.
constexpr const char* kNeighbours[] = {"-wal", "-shm", "-journal", "-ballast"};

Status wrong(const std::string& path, const std::string& reason) {
  return {Errc::invalid_argument, path + ": " + reason};
}

Status system_error(const std::string& path, const std::string& what, int error) {
  return {Errc::storage, path + ": " + what + ": " + std::generic_category().message(error)};
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

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Files> Files::take(const std::filesystem::path& path) {
  Files files;
  Status status = files.locate(path);
  if (status.ok()) status = files.check_plain(files.name_);
  for (const char* suffix : kNeighbours) {
    if (status.ok()) status = files.check_plain(files.name_ + suffix);
  }
  if (status.ok()) status = files.lock();
  if (status.ok()) status = files.make_database();
  if (!status.ok()) return status;
  return files;
}

// A forked child has the descriptor, too, and closing ours alone would leave the lock to it.
Files::~Files() {
  if (!lock_fd_.open()) return;
  struct flock whole = {};
  whole.l_type = F_UNLCK;
  whole.l_whence = SEEK_SET;
  (void)::fcntl(lock_fd_.get(), F_OFD_SETLK, &whole);
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
  if (error) {
    return wrong(directory.native(), "the directory cannot be used: " + error.message());
  }
  database_ = path_of(name_);
  directory_fd_ = FileDescriptor(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat found = {};
  if (!directory_fd_.open() || ::fstat(directory_fd_.get(), &found) != 0) {
    return wrong(directory_,
                 "the directory cannot be used: " + std::generic_category().message(errno));
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

// An open-file-description lock: unlike the locks of fcntl's that SQLite takes it also keeps out
// another opener of the same process, and is on a file that nobody else opens and closes. The file
// stays when the lock goes, since unlinking it could let two openers lock two files.
Status Files::lock() {
  const std::string name = name_ + kLockSuffix;
  const std::string path = path_of(name);
  if (Status status = check_plain(name); !status.ok()) return status;
  lock_fd_ =
      FileDescriptor(::openat(directory_fd_.get(), name.c_str(),
                              O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, kPrivate));
  if (!lock_fd_.open()) return system_error(path, "the lock file cannot be opened", errno);
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(lock_fd_.get(), F_OFD_SETLK, &whole) == 0) return own_lock_file();
  if (errno != EAGAIN && errno != EACCES) {
    return system_error(path, "the lock file cannot be locked", errno);
  }
  return {Errc::already_open,
          database_ + ": another journal, here or in another process, has it open"};
}

// Whoever may use the database may take the lock later, also when root was the first; as SQLite
// does with its own files.
Status Files::own_lock_file() const {
  struct stat found = {};
  const bool as_root = geteuid() == 0 && ::fstatat(directory_fd_.get(), name_.c_str(), &found,
                                                   AT_SYMLINK_NOFOLLOW) == 0;
  if (as_root && ::fchown(lock_fd_.get(), found.st_uid, found.st_gid) != 0) {
    return system_error(database_, "the lock file cannot be given to its owner", errno);
  }
  if (::fchmod(lock_fd_.get(), kPrivate) == 0) return {};
  return system_error(database_, "the lock file cannot be made private", errno);
}

// Made here and not by SQLite for the sake of its mode. An existing file is never opened: closing
// any descriptor of it would end the locks that connections of this process have on it.
Status Files::make_database() const {
  const FileDescriptor made(::openat(directory_fd_.get(), name_.c_str(),
                                     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kPrivate));
  if (made.open()) {
    // The mask may have taken the owner's own bits.
    if (::fchmod(made.get(), kPrivate) == 0) return {};
    return system_error(database_, "cannot be made private", errno);
  }
  return errno == EEXIST ? check_plain(name_) : system_error(database_, "cannot be made", errno);
}

Status Files::sync_directory() const {
  if (::fsync(directory_fd_.get()) == 0) return {};
  return {Errc::storage,
          "its directory cannot be synced: " + std::generic_category().message(errno)};
}

}  // namespace onelane::sqlite
