// The file of a trace: a header, then blocks of whole items, each with a checksum. Written from
// front to back, once; a reader takes what is whole, and says what is not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "onelane/status.h"

namespace onelane::inline v0::trace {

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::size_t kFileHeaderBytes = 32;
inline constexpr std::size_t kBlockHeaderBytes = 16;
// Of one block; a reader takes no larger one.
inline constexpr std::size_t kBlockBytesMax = std::size_t{8} << 20;

std::array<std::byte, kFileHeaderBytes> file_header() noexcept;
// Of block `number`, from 0.
std::array<std::byte, kBlockHeaderBytes> block_header(std::uint64_t number,
                                                      std::span<const std::byte> items) noexcept;

class File {
 public:
  // Makes the file, private to the user. Errors: invalid_argument if there is one already, storage.
  static Result<File> make(const std::filesystem::path& path);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  // At the end. Error: storage.
  Status append(std::span<const std::byte> bytes) noexcept;

 private:
  explicit File(int descriptor) noexcept : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

// What of a file is whole.
struct Content {
  std::vector<std::byte> items;  // of all blocks
  // Empty if that is all; else what is wrong behind it: "cut off at byte 4096", ...
  std::string damage;
};

// Reads it once; memory is bounded by the file's size, which is at most `most_bytes`. Errors:
//   invalid_argument  no trace, larger than that, or of a newer format, with both numbers
//   storage           it cannot be read
Result<Content> read(const std::filesystem::path& path, std::uint64_t most_bytes);
// The same of bytes that are in memory.
Result<Content> read(std::span<const std::byte> bytes);

}  // namespace onelane::inline v0::trace
