// The files that a sink owns: where the database is, that it is a private and plain file, that no
// other journal has it, and that its files stay what they are. SQLite gets absolute paths only,
// since it takes "file:..." and ":memory:" for something else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "onelane/sink.h"
#include "onelane/status.h"
#include "src/sqlite/connection/database_lock.h"
#include "src/sqlite/connection/descriptor.h"
#include "src/sqlite/connection/file_names.h"
#include "src/sqlite/connection/identity.h"
#include "src/sqlite/connection/index_descriptor.h"

namespace onelane::inline v0::sqlite {

class Files {
 public:
  // Checks the path and its neighbours, makes the database's file with this mode, if there is none,
  // and locks it. Errors: invalid_argument, already_open, forked, storage.
  static Result<Files> take(const std::filesystem::path& path, std::filesystem::perms mode);

  const std::string& database() const noexcept { return database_; }
  // Once SQLite has its log open: from here on the lock stays, nobody can take the log away, and
  // the files have an identity.
  // Errors: already_open, where another journal opened it at the same time; storage.
  Status settle();
  // ok, or Fault::sync, which has no way back: another journal has the lock, or one of the files is
  // not what its name leads to. `log` is a connection's that the calling thread may use. From
  // settle() to let_go().
  Reply intact(sqlite3_file& log) const;
  // The same, but looked at once in a tick of the system's clock (1 to 10 ms): for a commit that is
  // not called durable, and costs little more than a look.
  Reply seemingly_intact(sqlite3_file& log);
  // A descriptor of its own of the log's index, which SQLite has open.
  Result<IndexDescriptor> open_index() const;
  // Before SQLite closes its last connection, which may take the log away again.
  void let_go() const noexcept { lock_->allow_exclusive(); }
  // Whether take() made the database's file.
  bool made() const noexcept { return made_; }
  // Whether a ballast lay beside it then.
  bool found_ballast() const noexcept { return found_ballast_; }
  bool database_is_empty() const noexcept { return is_empty(name_); }
  bool log_is_empty() const { return is_empty(name_ + kLogSuffix); }
  // Removes the database's file, if take() made it, the lock is still ours and nobody else has the
  // file open. SQLite's connections are closed by then. A program that opens it at this very moment
  // is left with a file without a name; a journal notices, and its opening fails.
  void remove_made();

  // Whether the lock is still ours after SQLite has closed its last connection, and dropped it.
  bool lock_again() const { return lock_->retake().ok(); }

  // Makes the directory's entries survive a power cut, and tells if they do not: SQLite's own sync
  // of the directory ignores errors, and without the entries the log is lost with all its commits.
  Status sync_directory() const;

 private:
  Files() = default;
  Status locate(const std::filesystem::path& path);
  Status open_directory(const std::filesystem::path& directory);
  Status check_plain(const std::string& name) const;
  Status check_writable() const;
  Status lock();
  Result<FileDescriptor> open_or_make();
  std::string path_of(const std::string& name) const;
  bool is_empty(const std::string& name) const noexcept;

  std::string database_;   // absolute
  std::string directory_;  // absolute, without links
  std::string name_;       // in the directory
  FileDescriptor directory_fd_;
  std::filesystem::perms mode_ = std::filesystem::perms::none;  // of a database that is made
  bool made_ = false;
  bool found_ballast_ = false;
  std::optional<DatabaseLock> lock_;
  std::unique_ptr<const Identity> identity_;
  std::int64_t looked_ns_ = 0;
};

}  // namespace onelane::inline v0::sqlite
