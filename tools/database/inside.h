// What is in a database, as SQLite reads it: whether it is whole, how it is set, onelane's tables,
// and what in the schema makes a lane slower; and whether it changes while one looks.
#pragma once

#include "onelane/clock.h"
#include "tools/database/files.h"
#include "tools/database/finding.h"

namespace onelane::tools {

struct InsideOptions {
  bool deep = false;  // integrity_check, and all foreign keys
  Duration limit{0};  // for each check that reads the whole file
  Duration look{0};   // how long to look for commits
};

// Ends early once interrupted().
Findings look_inside(const DatabaseFile& file, const InsideOptions& options);

}  // namespace onelane::tools
