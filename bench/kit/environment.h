// The machine and the SQLite that a figure was measured on.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "onelane/stats.h"

namespace onelane::bench {

struct Environment {
  std::string date;       // "2026-11-29 10:31 UTC"
  std::string processor;  // as the system names it; empty: it does not
  unsigned processors = 0;
  std::string sqlite_version;
  std::vector<std::string> sqlite_options;  // of its compile options, those that change figures
  std::string file_system;                  // of the database's directory: "ext4", "tmpfs", ...
  Histogram sync;                           // as kit::measure_syncs() finds it
};

// Writes and removes a small file in the directory. Throws RunError.
Environment measure_environment(const std::filesystem::path& directory);

// {"date", "processor", "processors", "onelane_version", "sqlite_version", "sqlite_options",
// "file_system", "sync_ms"}
nlohmann::json to_json(const Environment& environment);
// The same as two lines for the terminal.
std::string to_text(const Environment& environment);

}  // namespace onelane::bench
