#include "src/sqlite/connection/lock_descriptor.h"

#include <fcntl.h>

#include <system_error>

#include "src/sqlite/connection/lock_registry.h"

namespace onelane::inline v0::sqlite {

Status cannot_lock(const std::string& path, int error) {
  return {Errc::storage, path + ": it cannot be locked: " + std::generic_category().message(error)};
}

LockDescriptor::~LockDescriptor() {
  if (!ours()) {
    (void)file_.release();
    return;
  }
  LockRegistry::get().forget(file_.get());
  LockRegistry::get().retire(std::move(file_), id_, locked_);
}

void LockDescriptor::keep_from_children() const {
  LockRegistry::get().keep_from_children(file_.get(), id_);
}

bool LockDescriptor::lock(int command, int type, LockBytes bytes) const noexcept {
  struct flock lock = lock_of(type, bytes);
  return ::fcntl(file_.get(), command, &lock) == 0;
}

}  // namespace onelane::inline v0::sqlite
