// A file descriptor that is owned, which file one leads to, and where new ones may lie.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <utility>

namespace onelane::inline v0::sqlite {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const noexcept { return fd_; }
  bool open() const noexcept { return fd_ >= 0; }
  // It is the caller's to close, or nobody's.
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Which file it is, under whatever name.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

inline FileId id_of(const struct stat& file) noexcept { return {file.st_dev, file.st_ino}; }
// None if the descriptor is not open any more.
std::optional<FileId> id_of(int descriptor) noexcept;
// The file that a name in the directory leads to, links not followed; none, and errno, if there is
// none.
std::optional<FileId> id_of(int directory, const char* name) noexcept;

// Where descriptors 0, 1 or 2 are closed, /dev/null takes their place, as in SQLite's VFS. Else the
// next file that is opened would become one of them; code that redirects the standard streams would
// close it, and drop the locks that the process has on it.
void occupy_standard_descriptors() noexcept;

}  // namespace onelane::inline v0::sqlite
