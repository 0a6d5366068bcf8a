#include "src/sqlite/connection/index_descriptor.h"

#include <fcntl.h>

#include <cerrno>

#include "src/sqlite/connection/wal_format.h"

namespace onelane::inline v0::sqlite {

namespace {

constexpr LockBytes kInUse{wal::kLocksAt + wal::kInUseLock, 1};
constexpr LockBytes kAll{wal::kLocksAt, wal::kInUseLock + 1};

}  // namespace

Result<IndexDescriptor> IndexDescriptor::take(FileDescriptor file, const std::string& path) {
  const std::optional<FileId> id = id_of(file.get());
  if (!id) return cannot_lock(path, errno);
  LockDescriptor index(std::move(file), *id, kAll);
  index.keep_from_children();
  if (!index.lock(F_OFD_SETLK, F_RDLCK, kInUse)) return cannot_lock(path, errno);
  return IndexDescriptor(std::move(index));
}

IndexDescriptor::~IndexDescriptor() {
  if (file_.ours() && file_.leads_there()) (void)file_.lock(F_OFD_SETLK, F_UNLCK, kAll);
}

bool IndexDescriptor::lock(int type, int first, int count) const noexcept {
  return file_.lock(F_OFD_SETLK, type, {wal::kLocksAt + first, count});
}

}  // namespace onelane::inline v0::sqlite
