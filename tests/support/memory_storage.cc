#include "tests/support/memory_storage.h"

#include <algorithm>
#include <array>
#include <utility>

namespace onelane::test {

namespace {

using intake::Done;
using intake::File;
using intake::Folder;
using intake::FolderLock;

constexpr std::array<const char*, 11> kCallNames = {
    "open", "create", "rename", "remove", "list", "lock", "sync", "write", "read", "sync", "size"};

Status missing(const std::string& name) { return {Errc::storage, name + ": no such file"}; }

class MemoryFile final : public File {
 public:
  MemoryFile(MemoryStorage& storage, std::shared_ptr<MemoryStorage::Bytes> bytes)
      : storage_(storage), bytes_(std::move(bytes)) {}

  Done write(std::uint64_t at, std::span<const std::byte> bytes) override {
    std::size_t written = bytes.size();
    Done done = meet(FolderCall::write, &written);
    const auto part = bytes.first(std::min(written, bytes.size()));
    if (!part.empty()) {
      bytes_->resize(std::max<std::size_t>(bytes_->size(), at + part.size()));
      std::copy(part.begin(), part.end(), bytes_->begin() + static_cast<std::ptrdiff_t>(at));
    }
    return done;
  }
  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> to) const override {
    if (Done done = meet(FolderCall::read); !done.ok()) return done.cause;
    const std::size_t from = std::min<std::size_t>(at, bytes_->size());
    const std::size_t count = std::min(to.size(), bytes_->size() - from);
    std::copy_n(bytes_->begin() + static_cast<std::ptrdiff_t>(from), count, to.begin());
    return count;
  }
  Done sync() override { return meet(FolderCall::sync); }
  Result<std::uint64_t> size() const override {
    if (Done done = meet(FolderCall::size); !done.ok()) return done.cause;
    return std::uint64_t{bytes_->size()};
  }

 private:
  Done meet(FolderCall call, std::size_t* written = nullptr) const {
    return storage_.meet(call, storage_.name_of(bytes_), written);
  }

  MemoryStorage& storage_;
  const std::shared_ptr<MemoryStorage::Bytes> bytes_;
};

class MemoryLock final : public FolderLock {
 public:
  explicit MemoryLock(int& held) : held_(held) { ++held_; }
  ~MemoryLock() override { --held_; }

 private:
  int& held_;
};

class MemoryFolder final : public Folder {
 public:
  MemoryFolder(MemoryStorage& storage, std::string path)
      : storage_(storage), path_(std::move(path)), files_(storage.files(path_)) {}

  const std::string& path() const noexcept override { return path_; }
  Result<std::vector<std::string>> list() const override {
    if (Done done = storage_.meet(FolderCall::list, {}); !done.ok()) return done.cause;
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files_) names.push_back(name);
    return names;
  }
  Result<std::unique_ptr<File>> open(const std::string& name) override {
    if (Done done = storage_.meet(FolderCall::open, name); !done.ok()) return done.cause;
    const auto found = files_.find(name);
    if (found == files_.end()) return missing(name);
    return {std::make_unique<MemoryFile>(storage_, found->second)};
  }
  Result<std::unique_ptr<File>> create(const std::string& name) override {
    if (Done done = storage_.meet(FolderCall::create, name); !done.ok()) return done.cause;
    auto& bytes = files_[name] = std::make_shared<MemoryStorage::Bytes>();
    return {std::make_unique<MemoryFile>(storage_, bytes)};
  }
  Done rename(const std::string& from, const std::string& to) override {
    if (Done done = storage_.meet(FolderCall::rename, to); !done.ok()) return done;
    const auto found = files_.find(from);
    if (found == files_.end()) return {.cause = missing(from)};
    files_[to] = std::exchange(found->second, nullptr);
    files_.erase(from);
    return {};
  }
  Done remove(const std::string& name) override {
    if (Done done = storage_.meet(FolderCall::remove, name); !done.ok()) return done;
    return files_.erase(name) == 1 ? Done{} : Done{.cause = missing(name)};
  }
  Done sync() override { return storage_.meet(FolderCall::sync_folder, "."); }
  Result<std::unique_ptr<FolderLock>> lock() override {
    if (Done done = storage_.meet(FolderCall::lock, {}); !done.ok()) return done.cause;
    int& held = storage_.locks()[path_];
    if (held > 0) return Status(Errc::already_open, path_ + ": this intake is open already");
    return {std::make_unique<MemoryLock>(held)};
  }

 private:
  MemoryStorage& storage_;
  const std::string path_;
  MemoryStorage::Files& files_;
};

}  // namespace

Result<std::unique_ptr<Folder>> MemoryStorage::open(const std::filesystem::path& path) {
  if (!folders_.contains(path.string())) return std::unique_ptr<Folder>();
  return {std::make_unique<MemoryFolder>(*this, path.string())};
}

Result<std::unique_ptr<Folder>> MemoryStorage::make(const std::filesystem::path& path) {
  return {std::make_unique<MemoryFolder>(*this, path.string())};
}

std::map<std::string, MemoryStorage::Bytes> MemoryStorage::image(const std::string& folder) {
  std::map<std::string, Bytes> out;
  for (const auto& [name, bytes] : files(folder)) out[name] = *bytes;
  return out;
}

void MemoryStorage::restore(const std::string& folder, const std::map<std::string, Bytes>& image) {
  files(folder).clear();
  for (const auto& [name, bytes] : image) files(folder)[name] = std::make_shared<Bytes>(bytes);
}

std::string MemoryStorage::name_of(const std::shared_ptr<Bytes>& bytes) const {
  for (const auto& [path, files] : folders_) {
    for (const auto& [name, each] : files) {
      if (each == bytes) return name;
    }
  }
  return "removed";
}

Done MemoryStorage::meet(FolderCall call, const std::string& name, std::size_t* written) {
  const std::string what = kCallNames[static_cast<std::size_t>(call)];
  calls_.push_back(name.empty() ? what : what + " " + name);
  if (!fault_ || fault_->call != call || name.find(fault_->file) == std::string::npos) return {};
  if (fault_->after > 0) {
    --fault_->after;
    return {};
  }
  ++failures_;
  if (written != nullptr) *written = fault_->written;
  const bool no_room = fault_->no_room;
  if (!fault_->for_ever) fault_.reset();
  return {.cause = Status(Errc::storage, name + ": " + what + (no_room ? ": full" : ": failed")),
          .no_room = no_room};
}

}  // namespace onelane::test
