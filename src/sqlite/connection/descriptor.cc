#include "src/sqlite/connection/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

namespace onelane::inline v0::sqlite {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<FileId> id_of(int descriptor) noexcept {
  struct stat found = {};
  if (::fstat(descriptor, &found) != 0) return std::nullopt;
  return id_of(found);
}

std::optional<FileId> id_of(int directory, const char* name) noexcept {
  struct stat found = {};
  if (::fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return id_of(found);
}

void occupy_standard_descriptors() noexcept {
  int fd = ::open("/dev/null", O_RDWR);  // not closed by exec, like the streams themselves
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDWR);
  if (fd >= 0) ::close(fd);
}

}  // namespace onelane::inline v0::sqlite
