// A whole move: everything of one SQLite database, of one moment, to PostgreSQL in one transaction.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/move/journals.h"
#include "tools/move/merge.h"
#include "tools/move/own_tables.h"

namespace onelane::tools {

struct MoveOptions {
  std::filesystem::path database;
  std::string conninfo;
  TargetPrefix prefix;
};

struct MovedRows {
  std::string name;
  std::string target;
  Moved moved;
  bool made = false;
};

struct Move {
  std::vector<MovedRows> tables;
  std::vector<std::string> notes;  // what is not translated
  MovedIntake intake;
  // No journal had SQLite's database open, and nobody wrote to it meanwhile, so that it has nothing
  // that PostgreSQL does not.
  bool final = false;
};

// Throws UsageError for what was said, and RunError. Nothing is changed then, but that onelane's
// own tables may have been made, and that they may have a new epoch and one of the oldest less.
Move move_database(const MoveOptions& options);

}  // namespace onelane::tools
