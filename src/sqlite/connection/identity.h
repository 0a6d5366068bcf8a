// What the names of a database, its log and its index lead to. SQLite opens them by name once, and
// keeps writing to what it opened, even if no name leads there any more. What is committed to a WAL
// that was removed or replaced is lost with the process. So the names are checked before each
// answer that depends on the files.
//
// One look at the directory says in most cases that none of its names can have changed. It does not
// notice a mount that hides a file, which takes nothing from a process that has the file open.
#pragma once

#include <sqlite3.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "onelane/status.h"
#include "src/sqlite/connection/descriptor.h"

namespace onelane::inline v0::sqlite {

class Identity {
 public:
  // For the files beside each other in the directory, which must stay open. A name that leads to
  // nothing now is not looked at again: the file is in a VFS that keeps it elsewhere.
  Identity(int directory, const std::string& path, const std::string& name, FileId database);

  // ok, or which file is not there any more. Any thread.
  Status check() const;
  // The same for the WAL, asked of its VFS by SQLITE_FCNTL_HAS_MOVED: SQLite's own VFS does not
  // answer for a WAL, but another may. Any thread that may use the file.
  Status check_moved(sqlite3_file& log) const;

 private:
  struct File {
    std::string name;
    std::string path;
    FileId id;
    bool known = false;
  };

  Status look() const;
  Status lost(const File& file) const;

  const int directory_;
  std::array<File, 3> files_;
  // The time of the directory's last change, once no later change can have the same time.
  mutable std::atomic<std::int64_t> settled_ns_{0};
};

}  // namespace onelane::inline v0::sqlite
