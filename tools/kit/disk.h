// What lies under a folder: its file system, and how long its disk takes for a sync.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "onelane/clock.h"
#include "onelane/stats.h"

namespace onelane::kit {

enum class Store : std::uint8_t {
  disk,     // of this machine
  memory,   // gone with the machine's power
  network,  // or a file system that a program serves: locks and syncs mean what that makes of them
  layers,   // an overlay: another file system may be under each file
  unknown,
};

struct FileSystem {
  std::string name;  // "ext4", "tmpfs", ..., or its number as statfs(2) has it
  Store store = Store::unknown;
};

// Unknown, too, where the folder cannot be asked.
FileSystem file_system_of(const std::filesystem::path& directory);

// How syncs are timed: this often a write of this many bytes at the end of a file, and its
// fdatasync; no more of them once the time is over.
struct SyncLoad {
  std::size_t bytes = 4096;
  int times = 200;  // enough for a p99
  Duration limit = std::chrono::minutes(1);
};

// Nanoseconds of each write with its sync. Makes a small file in the directory, without a name once
// it is open. Throws RunError.
Histogram measure_syncs(const std::filesystem::path& directory, const SyncLoad& load = {});

}  // namespace onelane::kit
