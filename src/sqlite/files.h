// The files that a sink owns: where the database is, that it is a private and plain file, and the
// lock file that makes one sink its only owner. SQLite gets absolute paths only, since it takes
// "file:..." and ":memory:" for something else.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "onelane/status.h"

namespace onelane::sqlite {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const noexcept { return fd_; }
  bool open() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

class Files {
 public:
  // Checks the path and its neighbours, takes the lock file and makes the database's file, private
  // to the user, if there is none. Errors: invalid_argument, already_open, storage.
  static Result<Files> take(const std::filesystem::path& path);
  Files(Files&&) noexcept = default;
  ~Files();

  const std::string& database() const noexcept { return database_; }
  // Makes the directory's entries survive a power cut, and tells if they do not: SQLite's own sync
  // of the directory ignores errors, and without the entries the log is lost with all its commits.
  Status sync_directory() const;

 private:
  Files() = default;
  Status locate(const std::filesystem::path& path);
  Status open_directory(const std::filesystem::path& directory);
  Status check_plain(const std::string& name) const;
  Status lock();
  Status own_lock_file() const;
  Status make_database() const;
  std::string path_of(const std::string& name) const;

  std::string database_;   // absolute
  std::string directory_;  // absolute, without links
  std::string name_;       // in the directory
  FileDescriptor directory_fd_;
  FileDescriptor lock_fd_;  // the lock lives as long as it; no close of another descriptor ends it
};

}  // namespace onelane::sqlite
