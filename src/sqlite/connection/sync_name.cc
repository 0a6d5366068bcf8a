#include "src/sqlite/connection/sync_name.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace onelane::inline v0::sqlite {

namespace {

constexpr int kVersion = 3;

std::size_t size_of(const sqlite3_io_methods& methods) noexcept {
  if (methods.iVersion >= kVersion) return sizeof(sqlite3_io_methods);
  return methods.iVersion == 2 ? offsetof(sqlite3_io_methods, xFetch)
                               : offsetof(sqlite3_io_methods, xShmMap);
}

}  // namespace

sqlite3_io_methods methods_of(const sqlite3_file& file) noexcept {
  sqlite3_io_methods out{};
  std::memcpy(&out, file.pMethods, size_of(*file.pMethods));
  out.iVersion = std::min(out.iVersion, kVersion);
  return out;
}

SyncName::SyncName(sqlite3_file* file) noexcept
    : methods_(methods_of(*file)), real_(file->pMethods), file_(file) {
  methods_.xSync = sync;
  file_->pMethods = &methods_;
}

SyncName::~SyncName() { file_->pMethods = real_; }

int SyncName::of(int code) noexcept { return code == SQLITE_OK ? code : SQLITE_IOERR_FSYNC; }

int SyncName::sync(sqlite3_file* file, int flags) {
  static_assert(std::is_standard_layout_v<SyncName>, "its methods are where it is");
  return of(reinterpret_cast<const SyncName*>(file->pMethods)->real_->xSync(file, flags));
}

}  // namespace onelane::inline v0::sqlite
