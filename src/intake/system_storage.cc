// Folders and files of the system, over POSIX.
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

#include "src/base/memory.h"
#include "src/intake/folder.h"

namespace onelane::inline v0::intake {

namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;
constexpr int kOpenFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;  // a pipe's opening would wait
constexpr const char* kLockName = "lock";

Status failed(const std::string& path, const char* call, int error) {
  return base::worded(Errc::storage, [&] {
    return path + ": " + call + ": " + std::generic_category().message(error);
  });
}

Done done(const std::string& path, const char* call, int error) {
  const bool no_room = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return {.cause = failed(path, call, error), .no_room = no_room};
}

// Runs a call again that a signal interrupted.
template <class Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const noexcept { return fd_; }
  bool open() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Never 0, 1 or 2, even where those are closed: what is printed there would land in the file.
Descriptor open_at(int directory, const char* name, int flags) {
  Descriptor file(uninterrupted([&] { return ::openat(directory, name, flags, kFileMode); }));
  if (!file.open() || file.get() > STDERR_FILENO) return file;
  return Descriptor(::fcntl(file.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

// Beyond the limit on a file's size the system would not only refuse, but send a signal that ends
// the process.
bool beyond_the_limit(std::uint64_t end) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
  return end > limit.rlim_cur;
}

class SystemFile final : public File {
 public:
  SystemFile(Descriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  Done write(std::uint64_t at, std::span<const std::byte> bytes) override {
    if (beyond_the_limit(at + bytes.size())) return done(path_, "pwrite", EFBIG);
    while (!bytes.empty()) {
      const ssize_t written = uninterrupted([&] {
        return ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
      });
      if (written < 0) return done(path_, "pwrite", errno);
      if (written == 0) return done(path_, "pwrite", ENOSPC);
      at += static_cast<std::uint64_t>(written);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> to) const override {
    std::size_t read = 0;
    while (read < to.size()) {
      const auto rest = to.subspan(read);
      const ssize_t got = uninterrupted([&] {
        return ::pread(file_.get(), rest.data(), rest.size(), static_cast<off_t>(at + read));
      });
      if (got < 0) return failed(path_, "pread", errno);
      if (got == 0) break;
      read += static_cast<std::size_t>(got);
    }
    return read;
  }

  Done sync() override {
    if (uninterrupted([&] { return ::fdatasync(file_.get()); }) == 0) return {};
    return done(path_, "fdatasync", errno);
  }

  Result<std::uint64_t> size() const override {
    struct stat found = {};
    if (::fstat(file_.get(), &found) != 0) return failed(path_, "fstat", errno);
    return static_cast<std::uint64_t>(found.st_size);
  }

 private:
  Descriptor file_;
  const std::string path_;
};

// --- Locks.

// The locks of this process. A lock belongs to the open file that a forked child shares, so the
// child would have it as long as it lives; here it closes its descriptors of them at once. Nobody
// forks while the mutex is held.
class HeldLocks {
 public:
  static HeldLocks& get() {
    static HeldLocks* const one = make();  // never destroyed: a static intake may end after it
    return *one;
  }
  void add(int fd) {
    const std::scoped_lock lock(mutex_);
    descriptors_.push_back(fd);
  }
  // Closes it, unless it was closed here, in a child, by the fork.
  void close(int fd) noexcept {
    const std::scoped_lock lock(mutex_);
    const auto found = std::find(descriptors_.begin(), descriptors_.end(), fd);
    if (found == descriptors_.end()) return;
    descriptors_.erase(found);
    ::close(fd);
  }

 private:
  static HeldLocks* make() {
    static HeldLocks* one = new HeldLocks;
    pthread_atfork([] { one->mutex_.lock(); }, [] { one->mutex_.unlock(); },
                   [] {
                     for (const int fd : one->descriptors_) ::close(fd);
                     one->descriptors_.clear();
                     one->mutex_.unlock();
                   });
    return one;
  }

  std::mutex mutex_;
  std::vector<int> descriptors_;
};

// Of an open file, not of the process: it keeps out other openers in this process, too, and stays
// when somebody else closes the file.
class SystemLock final : public FolderLock {
 public:
  explicit SystemLock(Descriptor file) : fd_(file.get()), process_(::getpid()) {
    HeldLocks::get().add(fd_);
    (void)file.release();
  }
  ~SystemLock() override {
    if (process_ == ::getpid()) HeldLocks::get().close(fd_);
  }

 private:
  const int fd_;
  const pid_t process_;
};

bool lock_whole(int fd) noexcept {
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_SETLK, &whole) == 0;
}

// --- Folders.

class SystemFolder final : public Folder {
 public:
  SystemFolder(Descriptor directory, std::string path)
      : directory_(std::move(directory)), path_(std::move(path)) {}

  const std::string& path() const noexcept override { return path_; }

  Result<std::vector<std::string>> list() const override {
    Descriptor own = open_at(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!own.open()) return failed(path_, "open", errno);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(own.get()), ::closedir);
    if (entries == nullptr) return failed(path_, "fdopendir", errno);
    (void)own.release();
    std::vector<std::string> names;
    errno = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread has this stream
    while (const dirent* entry = ::readdir(entries.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) return failed(path_, "readdir", errno);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<std::unique_ptr<File>> open(const std::string& name) override {
    return opened(name, O_RDWR | kOpenFlags);
  }
  Result<std::unique_ptr<File>> create(const std::string& name) override {
    return opened(name, O_RDWR | O_CREAT | O_TRUNC | kOpenFlags);
  }

  Done rename(const std::string& from, const std::string& to) override {
    if (::renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()) == 0) return {};
    return done(path_of(from), "rename", errno);
  }
  Done remove(const std::string& name) override {
    if (::unlinkat(directory_.get(), name.c_str(), 0) == 0) return {};
    return done(path_of(name), "unlink", errno);
  }
  Done sync() override {
    if (uninterrupted([&] { return ::fsync(directory_.get()); }) == 0) return {};
    return done(path_, "fsync", errno);
  }

  Result<std::unique_ptr<FolderLock>> lock() override {
    Descriptor file = open_at(directory_.get(), kLockName, O_RDWR | O_CREAT | kOpenFlags);
    if (!file.open()) return failed(path_of(kLockName), "open", errno);
    if (lock_whole(file.get())) return {std::make_unique<SystemLock>(std::move(file))};
    if (errno != EAGAIN && errno != EACCES) return failed(path_of(kLockName), "fcntl", errno);
    return base::worded(Errc::already_open,
                        [&] { return path_ + ": this intake is open already"; });
  }

 private:
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }

  Result<std::unique_ptr<File>> opened(const std::string& name, int flags) const {
    const std::string path = path_of(name);
    Descriptor file = open_at(directory_.get(), name.c_str(), flags);
    if (!file.open()) return failed(path, "open", errno);
    struct stat found = {};
    if (::fstat(file.get(), &found) != 0) return failed(path, "fstat", errno);
    if (!S_ISREG(found.st_mode)) return Status(Errc::storage, path + ": it is no regular file");
    return {std::make_unique<SystemFile>(std::move(file), path)};
  }

  Descriptor directory_;
  const std::string path_;
};

Status sync_parent(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor directory =
      open_at(AT_FDCWD, parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!directory.open()) return failed(parent.string(), "open", errno);
  if (uninterrupted([&] { return ::fsync(directory.get()); }) == 0) return {};
  return failed(parent.string(), "fsync", errno);
}

class SystemStorage final : public Storage {
 public:
  Result<std::unique_ptr<Folder>> open(const std::filesystem::path& path) override {
    Descriptor directory =
        open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory.open()) {
      return {std::make_unique<SystemFolder>(std::move(directory), path.string())};
    }
    if (errno == ENOENT) return std::unique_ptr<Folder>();
    if (errno != ENOTDIR && errno != ELOOP) return failed(path.string(), "open", errno);
    return Status(Errc::invalid_argument,
                  path.string() + ": an intake needs a folder, and this is a file or a link");
  }

  Result<std::unique_ptr<Folder>> make(const std::filesystem::path& path) override {
    if (::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) {
      return failed(path.string(), "mkdir", errno);
    }
    auto folder = open(path);
    if (!folder) return folder;
    if (*folder == nullptr) return failed(path.string(), "open", ENOENT);
    if (Status status = sync_parent(path); !status.ok()) return status;
    return folder;
  }
};

std::atomic<Storage*> instead{nullptr};

}  // namespace

Storage& storage() noexcept {
  static SystemStorage system;
  Storage* const other = instead.load();
  return other != nullptr ? *other : system;
}

void use_storage(Storage* other) noexcept { instead.store(other); }

}  // namespace onelane::inline v0::intake
