#include "bench/storm/input.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <system_error>

#include "bench/kit/errors.h"
#include "bench/kit/units.h"

namespace onelane::bench::storm {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> regular_files(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code error;
  auto walk = fs::recursive_directory_iterator(
      directory, fs::directory_options::skip_permission_denied, error);
  if (error) {
    throw UsageError(fmt::format("--input: cannot read the directory {}: {}", directory.string(),
                                 error.message()));
  }
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    std::error_code ignored;
    if (fs::is_regular_file(walk->symlink_status(ignored))) found.push_back(walk->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool read_file(const fs::path& path, std::vector<std::byte>& data) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return false;
  data.resize(static_cast<std::size_t>(file.tellg()));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(data.size()));
  return static_cast<bool>(file);
}

void cut(Input& input, std::set<Hash>& seen) {
  InputFile& file = input.files.back();
  file.first_block = input.blocks.size();
  for (std::size_t offset = 0; offset < file.data.size(); offset += kBlockBytes) {
    std::size_t size = std::min(kBlockBytes, file.data.size() - offset);
    Hash hash = hash_of(std::span(file.data).subspan(offset, size));
    input.blocks.push_back({.hash = hash,
                            .file = static_cast<std::uint32_t>(input.files.size() - 1),
                            .seq = static_cast<std::uint32_t>(offset / kBlockBytes),
                            .offset = offset,
                            .size = static_cast<std::uint32_t>(size),
                            .first = seen.insert(hash).second});
  }
  file.blocks = input.blocks.size() - file.first_block;
}

}  // namespace

Hash hash_of(std::span<const std::byte> data) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(data.data(), data.size()));
  Hash hash;
  static_assert(sizeof(canonical.digest) == sizeof(hash));
  std::memcpy(hash.data(), canonical.digest, hash.size());
  return hash;
}

Input load_input(const fs::path& directory, std::uint64_t limit_bytes) {
  Input input;
  std::set<Hash> seen;
  for (const fs::path& path : regular_files(directory)) {
    InputFile file;
    file.path = path.lexically_relative(directory).string();
    if (!read_file(path, file.data)) {
      ++input.unreadable_files;
      continue;
    }
    if (file.data.empty()) continue;
    if (input.bytes + file.data.size() > limit_bytes) {
      input.cut_at_limit = true;
      break;
    }
    input.bytes += file.data.size();
    input.files.push_back(std::move(file));
    cut(input, seen);
  }
  if (input.blocks.size() < kMinBlocks || input.bytes < kMinBytes) {
    throw UsageError(fmt::format(
        "--input: {} has {} in {} blocks of readable files; needed are at least {} in {} blocks "
        "(a file is a block for each {} or part of it)",
        directory.string(), format_size(input.bytes), input.blocks.size(), format_size(kMinBytes),
        kMinBlocks, format_size(kBlockBytes)));
  }
  return input;
}

}  // namespace onelane::bench::storm
