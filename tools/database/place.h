// What a database would be written with and to: SQLite's library, the file system and the disk.
#pragma once

#include <filesystem>

#include "tools/database/finding.h"

namespace onelane::tools {

// The SQLite that this program is linked with: its version, and how it was built.
Findings look_at_library();
// The file system of a folder, and the room there.
Findings look_at_file_system(const std::filesystem::path& folder);
// How long its disk takes for a small sync, and how many bytes it takes a second. Writes up to 10
// MiB to a file without a name, for at most about 2 seconds.
Findings measure_disk(const std::filesystem::path& folder);

}  // namespace onelane::tools
