#include "src/trace/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "src/base/bytes.h"
#include "src/base/checksum.h"
#include "src/base/memory.h"
#include "src/model/row.h"  // that this machine is little-endian, as the format is

namespace onelane::inline v0::trace {

namespace {

constexpr std::string_view kMagic = "onelane trace\r\n";  // and a 0
constexpr std::size_t kVersionAt = 16;
constexpr std::size_t kChecksumAt = 24;
static_assert(kMagic.size() + 1 == kVersionAt && kChecksumAt + 8 == kFileHeaderBytes);

using base::load;
using base::store;

Status failed(const char* what) noexcept {
  const int code = errno;
  return base::worded(Errc::storage, [&] {
    return std::string("the trace: ") + what + ": " + std::generic_category().message(code);
  });
}

Status no_trace(const std::string& why) { return {Errc::invalid_argument, why}; }

}  // namespace

std::array<std::byte, kFileHeaderBytes> file_header() noexcept {
  std::array<std::byte, kFileHeaderBytes> out{};
  std::memcpy(out.data(), kMagic.data(), kMagic.size());
  store(out, kVersionAt, kFormatVersion);
  store(out, kChecksumAt, base::checksum_of(std::span(out).first(kChecksumAt), kFormatVersion));
  return out;
}

std::array<std::byte, kBlockHeaderBytes> block_header(std::uint64_t number,
                                                      std::span<const std::byte> items) noexcept {
  std::array<std::byte, kBlockHeaderBytes> out{};
  store(out, 0, static_cast<std::uint64_t>(items.size()));
  store(out, 8, base::checksum_of(items, number));
  return out;
}

// --- Writing.

Result<File> File::make(const std::filesystem::path& path) {
  const int descriptor =
      ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor >= 0) return File(descriptor);
  if (errno == EEXIST) {
    return Status(Errc::invalid_argument,
                  "trace.path: \"" + path.string() + "\" exists already; it must be a new file");
  }
  return failed(("\"" + path.string() + "\" cannot be made").c_str());
}

File::File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}
File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status File::append(std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed("its file cannot be written");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

// --- Reading.

Result<Content> read(std::span<const std::byte> bytes) {
  if (bytes.size() < kFileHeaderBytes ||
      std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return no_trace("it is no trace of onelane's: its first bytes are others");
  }
  if (const auto version = load<std::uint32_t>(bytes, kVersionAt); version != kFormatVersion) {
    return no_trace("the trace has format version " + std::to_string(version) +
                    "; this library reads version " + std::to_string(kFormatVersion));
  }
  const auto header = file_header();
  if (!std::equal(header.begin(), header.end(), bytes.begin())) {
    return no_trace("the trace's header is damaged");
  }
  Content out;
  std::size_t at = kFileHeaderBytes;
  for (std::uint64_t number = 0; at < bytes.size(); ++number) {
    const auto rest = bytes.subspan(at);
    const std::uint64_t size = rest.size() < kBlockHeaderBytes ? 0 : load<std::uint64_t>(rest, 0);
    if (rest.size() < kBlockHeaderBytes ||
        (size <= kBlockBytesMax && size > rest.size() - kBlockHeaderBytes)) {
      out.damage = "it is cut off: the block at byte " + std::to_string(at) + " is not whole";
      break;
    }
    const bool fits = size <= kBlockBytesMax;
    const auto items = rest.subspan(kBlockHeaderBytes, fits ? static_cast<std::size_t>(size) : 0);
    if (!fits || base::checksum_of(items, number) != load<std::uint64_t>(rest, 8)) {
      out.damage = "the block at byte " + std::to_string(at) + " is damaged";
      break;
    }
    out.items.insert(out.items.end(), items.begin(), items.end());
    at += kBlockHeaderBytes + items.size();
  }
  return out;
}

Result<Content> read(const std::filesystem::path& path, std::uint64_t most_bytes) {
  std::error_code error;
  const std::string named = "\"" + path.string() + "\"";
  const std::uintmax_t size =
      std::filesystem::is_regular_file(path, error) ? std::filesystem::file_size(path, error) : 0;
  std::ifstream in(path, std::ios::binary);
  if (!in || error) return Status(Errc::storage, named + " cannot be read");
  if (size > most_bytes) {
    return no_trace(named + " has " + std::to_string(size) + " bytes; a trace has at most " +
                    std::to_string(most_bytes));
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  Result<Content> out = read(bytes);
  if (!out.ok()) return Status(out.status().code(), named + ": " + out.status().message());
  return out;
}

}  // namespace onelane::inline v0::trace
