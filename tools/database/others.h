// Who else has a database: processes with its files open, locks on it, and commits while one looks.
// Takes no lock, and asks nobody.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tools/database/files.h"
#include "tools/database/finding.h"

namespace onelane::tools {

struct Opener {
  pid_t pid = 0;
  std::string name;      // of the program
  bool journal = false;  // of onelane: it has the lane
};

struct Openers {
  std::vector<Opener> processes;  // but for this one
  std::size_t hidden = 0;         // processes of others that do not show what they have open
};

// From /proc.
Openers openers_of(const DatabaseFile& file);

// Whether a journal of another process has it. Not while SQLite has the file open here: closing a
// descriptor of it drops the locks of this process.
bool has_journal(const DatabaseFile& file);

// Of them, and of the locks that they hold now.
Findings look_at_others(const DatabaseFile& file);

}  // namespace onelane::tools
