// T: what the disk needs to make one group of an intake's durable, by itself.
#pragma once

#include <cstdint>
#include <filesystem>

#include "bench/kit/samples.h"

namespace onelane::bench {

// Times of writing a group and syncing it by fdatasync, one after another in a file that was
// written and synced before, over and over, as an intake's segments are. Each group has so many
// bytes, rounded up to 4 KiB. At least 20 of them, and up to 200 in half a second. The file is made
// in the directory and removed. Throws RunError.
Samples measure_group_syncs(const std::filesystem::path& directory, std::uint64_t group_bytes);

}  // namespace onelane::bench
