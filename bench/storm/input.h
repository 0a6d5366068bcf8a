// The real files that blobs writes: read before the clock starts, cut into blocks and addressed by
// a hash of the block's content.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace onelane::bench::storm {

inline constexpr std::size_t kBlockBytes = 256 * 1024;

// Less than this says little about bulk indexing.
inline constexpr std::size_t kMinBlocks = 32;
inline constexpr std::uint64_t kMinBytes = 128 * 1024;

struct InputFile {
  std::string path;  // below the input directory
  std::vector<std::byte> data;
  std::size_t first_block = 0;
  std::size_t blocks = 0;
};

using Hash = std::array<std::byte, 16>;  // XXH3, 128 bits, in its canonical form
Hash hash_of(std::span<const std::byte> data);

struct Block {
  Hash hash{};
  std::uint32_t file = 0;
  std::uint32_t seq = 0;  // in the file
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
  bool first = false;  // no block before it has the same content
};

struct Input {
  std::vector<InputFile> files;
  std::vector<Block> blocks;
  std::uint64_t bytes = 0;
  std::uint64_t unreadable_files = 0;
  bool cut_at_limit = false;  // there was more than the limit allows

  std::span<const std::byte> content(const Block& block) const {
    return std::span(files[block.file].data).subspan(block.offset, block.size);
  }
};

// The regular files below the directory in the order of their paths, links not followed, empty ones
// left out, until `limit_bytes` are reached. Throws UsageError if there is too little, saying what
// is needed.
Input load_input(const std::filesystem::path& directory, std::uint64_t limit_bytes);

}  // namespace onelane::bench::storm
