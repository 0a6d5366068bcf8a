#include "src/sqlite/log/ballast.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>

#include "src/sqlite/connection/file_names.h"

namespace onelane::inline v0::sqlite {

namespace {

constexpr std::size_t kChunkBytes = std::size_t{16} * 1024;

// A file of the default VFS, open while this lives; null methods if it cannot be.
class VfsFile {
 public:
  explicit VfsFile(const std::string& path) noexcept : vfs_(sqlite3_vfs_find(nullptr)) {
    const auto size = static_cast<std::size_t>(vfs_->szOsFile);
    memory_.reset(new (std::nothrow) std::max_align_t[size / sizeof(std::max_align_t) + 1]());
    if (memory_ == nullptr) return;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_SUPER_JOURNAL;
    const int code = vfs_->xOpen(vfs_, path.c_str(), get(), flags, &flags);
    open_ = code == SQLITE_OK;
    if (!open_ && get()->pMethods != nullptr) get()->pMethods->xClose(get());
  }
  ~VfsFile() {
    if (open_) get()->pMethods->xClose(get());
  }
  VfsFile(const VfsFile&) = delete;
  VfsFile& operator=(const VfsFile&) = delete;

  bool open() const noexcept { return open_; }
  std::uint64_t size() noexcept {
    sqlite3_int64 size = 0;
    return get()->pMethods->xFileSize(get(), &size) == SQLITE_OK ? static_cast<std::uint64_t>(size)
                                                                 : 0;
  }
  bool truncate(std::uint64_t size) noexcept {
    return get()->pMethods->xTruncate(get(), static_cast<sqlite3_int64>(size)) == SQLITE_OK;
  }
  // Not zeros, which some file systems keep no room for.
  bool fill(std::uint64_t from, std::uint64_t to) noexcept {
    std::array<unsigned char, kChunkBytes> chunk;
    for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = static_cast<unsigned char>(i * 167);
    for (; from < to; from += chunk.size()) {
      const auto bytes = static_cast<int>(std::min<std::uint64_t>(to - from, chunk.size()));
      const auto at = static_cast<sqlite3_int64>(from);
      if (get()->pMethods->xWrite(get(), chunk.data(), bytes, at) != SQLITE_OK) return false;
    }
    return true;
  }

 private:
  sqlite3_file* get() const noexcept { return reinterpret_cast<sqlite3_file*>(memory_.get()); }

  sqlite3_vfs* const vfs_;
  std::unique_ptr<std::max_align_t[]> memory_;
  bool open_ = false;
};

}  // namespace

// A name that SQLite's VFS is given has no parameters behind it, which a second end says.
Ballast::Ballast(const std::string& database, std::uint64_t bytes)
    : path_(database + kBallastSuffix + std::string(2, '\0')), bytes_(bytes) {}

bool Ballast::make() noexcept {
  if (held() == bytes_) return true;
  VfsFile file(path_);
  if (!file.open()) return false;
  const std::uint64_t size = file.size();
  if (size > bytes_ ? !file.truncate(bytes_) : !file.fill(size, bytes_)) {
    file.truncate(0);
    return false;
  }
  held_.store(bytes_, std::memory_order_relaxed);
  return true;
}

void Ballast::give_up() noexcept {
  if (held() == 0) return;
  VfsFile file(path_);
  if (file.open() && file.truncate(0)) held_.store(0, std::memory_order_relaxed);
}

void Ballast::remove() noexcept {
  if (!wanted()) return;
  sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
  (void)vfs->xDelete(vfs, path_.c_str(), 0);
}

}  // namespace onelane::inline v0::sqlite
