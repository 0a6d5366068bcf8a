#include "tests/sim/disk_storage.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "tests/sim/disk_handle.h"

namespace onelane::test {

namespace {

using intake::Done;
using intake::File;
using intake::Folder;
using intake::FolderLock;

Status failed(const std::string& path, const char* call, int code) {
  return {Errc::storage, path + ": " + call + ": " + sqlite3_errstr(code)};
}

Done done(const std::string& path, const char* call, int code) {
  if (code == SQLITE_OK) return {};
  return {.cause = failed(path, call, code), .no_room = code == SQLITE_FULL};
}

class SimulatedFile final : public File {
 public:
  SimulatedFile(std::shared_ptr<Disk> disk, const std::string& path)
      : path_(path), handle_(std::move(disk), path, VfsFile::intake) {}

  Done write(std::uint64_t at, std::span<const std::byte> bytes) override {
    Written written = Written::all;
    const int code = meet(VfsCall::write, &written);
    if (written == Written::nothing) return done(path_, "write", code);
    if (const int room = handle_.make_room(at + bytes.size()); room != SQLITE_OK) {
      return {.cause = failed(path_, "write", SQLITE_FULL), .no_room = true};
    }
    handle_.write(bytes.first(written == Written::half ? bytes.size() / 2 : bytes.size()), at);
    return done(path_, "write", code);
  }
  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> to) const override {
    if (const int code = meet(VfsCall::read); code != SQLITE_OK) {
      return failed(path_, "read", code);
    }
    const std::uint64_t size = handle_.size();
    const auto there =
        static_cast<std::size_t>(at < size ? std::min<std::uint64_t>(to.size(), size - at) : 0);
    (void)handle_.read(to.first(there), at);
    return there;
  }
  Done sync() override { return done(path_, "sync", handle_.sync()); }
  Result<std::uint64_t> size() const override {
    if (const int code = meet(VfsCall::file_size); code != SQLITE_OK) {
      return failed(path_, "size", code);
    }
    return handle_.size();
  }
  void empty() { handle_.truncate(0); }

 private:
  int meet(VfsCall call, Written* written = nullptr) const {
    return handle_.disk().meet(call, VfsFile::intake, written);
  }

  const std::string path_;
  mutable DiskHandle handle_;
};

class SimulatedLock final : public FolderLock {
 public:
  SimulatedLock(std::shared_ptr<DiskStorage::Folders> folders, std::string path)
      : folders_(std::move(folders)), path_(std::move(path)) {}
  ~SimulatedLock() override {
    const std::scoped_lock lock(folders_->mutex);
    folders_->locked.erase(path_);
  }

 private:
  const std::shared_ptr<DiskStorage::Folders> folders_;
  const std::string path_;
};

class SimulatedFolder final : public Folder {
 public:
  SimulatedFolder(std::shared_ptr<Disk> disk, std::shared_ptr<DiskStorage::Folders> folders,
                  std::string path)
      : disk_(std::move(disk)), folders_(std::move(folders)), path_(std::move(path)) {}

  const std::string& path() const noexcept override { return path_; }

  Result<std::vector<std::string>> list() const override {
    if (const int code = meet(VfsCall::access); code != SQLITE_OK) {
      return failed(path_, "list", code);
    }
    std::vector<std::string> names = disk_->names(path_of(""));
    for (std::string& each : names) each.erase(0, path_of("").size());
    return names;
  }
  Result<std::unique_ptr<File>> open(const std::string& name) override {
    if (const int code = meet(VfsCall::open); code != SQLITE_OK) {
      return failed(path_of(name), "open", code);
    }
    if (!disk_->exists(path_of(name))) return failed(path_of(name), "open", SQLITE_NOTFOUND);
    return {std::make_unique<SimulatedFile>(disk_, path_of(name))};
  }
  Result<std::unique_ptr<File>> create(const std::string& name) override {
    if (const int code = meet(VfsCall::open); code != SQLITE_OK) {
      return failed(path_of(name), "create", code);
    }
    auto file = std::make_unique<SimulatedFile>(disk_, path_of(name));
    file->empty();
    return {std::move(file)};
  }
  Done rename(const std::string& from, const std::string& to) override {
    const int code = meet(VfsCall::remove);
    if (code != SQLITE_OK) return done(path_of(from), "rename", code);
    const bool renamed = disk_->rename(path_of(from), path_of(to));
    return done(path_of(from), "rename", renamed ? SQLITE_OK : SQLITE_NOTFOUND);
  }
  Done remove(const std::string& name) override {
    const int code = meet(VfsCall::remove);
    return done(path_of(name), "remove", code != SQLITE_OK ? code : disk_->remove(path_of(name)));
  }
  Done sync() override {
    return done(path_, "sync",
                disk_->sync_directory(VfsFile::intake) == 0 ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC);
  }
  Result<std::unique_ptr<FolderLock>> lock() override {
    const std::scoped_lock lock(folders_->mutex);
    if (!folders_->locked.insert(path_).second) {
      return Status(Errc::already_open, path_ + ": this intake is open already");
    }
    return {std::make_unique<SimulatedLock>(folders_, path_)};
  }

 private:
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }
  int meet(VfsCall call) const { return disk_->meet(call, VfsFile::intake); }

  const std::shared_ptr<Disk> disk_;
  const std::shared_ptr<DiskStorage::Folders> folders_;
  const std::string path_;
};

}  // namespace

void DiskStorage::mount(std::shared_ptr<Disk> disk) {
  const std::scoped_lock lock(mutex_);
  disk_ = std::move(disk);
  folders_ = std::make_shared<Folders>();
}

Result<std::unique_ptr<Folder>> DiskStorage::open(const std::filesystem::path& path) {
  const std::scoped_lock lock(mutex_);
  const std::scoped_lock known(folders_->mutex);
  const bool there =
      folders_->made.contains(path.string()) || !disk_->names(path.string() + "/").empty();
  if (!there) return std::unique_ptr<Folder>();
  return {std::make_unique<SimulatedFolder>(disk_, folders_, path.string())};
}

Result<std::unique_ptr<Folder>> DiskStorage::make(const std::filesystem::path& path) {
  {
    const std::scoped_lock lock(mutex_);
    const std::scoped_lock known(folders_->mutex);
    if (const int code = disk_->sync_directory(VfsFile::intake); code != 0) {
      return Status(Errc::storage, path.string() + ": the folder it is in cannot be synced");
    }
    folders_->made.insert(path.string());
  }
  return open(path);
}

}  // namespace onelane::test
