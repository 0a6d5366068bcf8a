// The machine and the SQLite that a figure was measured on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace onelane::bench {

struct Environment {
  unsigned processors = 0;
  std::string sqlite_version;
  std::vector<std::string> sqlite_options;  // of its compile options, those that change figures
  std::string file_system;                  // of the database's directory: "ext4", "tmpfs", ...
  // One page appended and synced by fdatasync, some times over.
  std::uint64_t sync_ns_p50 = 0;
  std::uint64_t sync_ns_max = 0;
};

// Writes and removes a small file in the directory. Throws RunError.
Environment measure_environment(const std::filesystem::path& directory);

}  // namespace onelane::bench
