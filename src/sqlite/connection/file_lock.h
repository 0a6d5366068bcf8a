// A lock of bytes of a file, as fcntl() takes it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace onelane::inline v0::sqlite {

struct LockBytes {
  off_t first;
  off_t count;
};

// F_RDLCK, F_WRLCK or F_UNLCK.
inline struct flock lock_of(int type, LockBytes bytes) noexcept {
  struct flock out = {};
  out.l_type = static_cast<short>(type);
  out.l_whence = SEEK_SET;
  out.l_start = bytes.first;
  out.l_len = bytes.count;
  return out;
}

}  // namespace onelane::inline v0::sqlite
