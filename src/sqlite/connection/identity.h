// What the names of a database, its log and its index lead to. SQLite opens them by name once, and
// keeps writing to what it opened, even if nobody else can find it any more: what is committed to a
// log that was removed or replaced is gone with the process. So before an answer that depends on
// the files, they are looked at again.
//
// One look at the directory says in most cases that none of its names can have changed. It would
// not notice that a mount hides a file, which takes nothing from those who have it open.
#pragma once

#include <sqlite3.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "onelane/status.h"
#include "src/sqlite/connection/descriptor.h"

namespace onelane::sqlite {

class Identity {
 public:
  // Of the files beside each other in the directory, which must stay open. A name that leads to
  // nothing now is not looked at again: the file is in a VFS that keeps it elsewhere.
  Identity(int directory, const std::string& path, const std::string& name, FileId database);

  // ok, or which file is not there any more. Any thread.
  Status check() const;
  // The same of the log, asked through its VFS by SQLITE_FCNTL_HAS_MOVED: SQLite's own says nothing
  // of a log, but another may. Any thread that may use the file.
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
  // When the directory had last changed, as of a look that no later change can have the time of.
  mutable std::atomic<std::int64_t> settled_ns_{0};
};

}  // namespace onelane::sqlite
