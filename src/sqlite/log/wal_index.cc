#include "src/sqlite/log/wal_index.h"

#include <array>
#include <cstring>
#include <string>

namespace onelane::sqlite {

namespace {

constexpr int kRegionBytes = 32 * 1024;

// In words of four bytes, in the machine's order.
constexpr std::size_t kVersionAt = 0;
constexpr std::size_t kFramesAt = 16 / 4;
constexpr std::size_t kPagesAt = 20 / 4;
constexpr std::size_t kSaltAt = 32 / 4;
constexpr std::size_t kSaltWords = 2;
constexpr std::size_t kCopiedAt = 96 / 4;
constexpr std::size_t kReadMarksAt = 100 / 4;
constexpr unsigned kReadMarks = 5;

// Of the log's file: https://sqlite.org/fileformat2.html#walformat
constexpr std::uint32_t kMagic = 0x377f0682;   // or one more, by the byte order of its checksums
constexpr std::uint32_t kVersion = 3'007'000;  // of the log and of its index
constexpr std::size_t kLogHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;

std::uint32_t big_endian(std::span<const std::byte> header, std::size_t at) {
  std::uint32_t value = 0;
  for (const std::byte one : header.subspan(at, 4)) {
    value = value << 8 | std::to_integer<std::uint32_t>(one);
  }
  return value;
}

Status unknown_format(const std::string& what) {
  return {Errc::storage, std::string("SQLite ") + sqlite3_libversion() + " (" + sqlite3_sourceid() +
                             ") writes a log that onelane does not know: " + what};
}

Status read(sqlite3_file* log, std::span<std::byte> header, std::uint64_t at) {
  const int code = log->pMethods->xRead(log, header.data(), static_cast<int>(header.size()),
                                        static_cast<sqlite3_int64>(at));
  if (code == SQLITE_OK) return {};
  return {Errc::storage, std::string("reading the log: ") + sqlite3_errstr(code), code};
}

}  // namespace

// SQLite has the region already, and keeps it where it is until the connection is closed.
Result<std::unique_ptr<WalIndex>> WalIndex::of(Connection& connection) {
  sqlite3_file* file = connection.database_file();
  volatile void* region = nullptr;
  const int code = file->pMethods->xShmMap(file, 0, kRegionBytes, 0, &region);
  if (code != SQLITE_OK) return connection.failure(code, Place::control, "the log's index").cause;
  if (region == nullptr) return Status(Errc::storage, "SQLite does not give its log's index");
  std::unique_ptr<WalIndex> index(new WalIndex(region));
  const std::uint32_t version = index->words_[kVersionAt];
  if (version == kVersion) return index;
  return unknown_format("its index has the format " + std::to_string(version));
}

Result<bool> WalIndex::describes(sqlite3_file* log, std::size_t page_bytes) const {
  const std::uint32_t frames = words_[kFramesAt];
  if (frames == 0) return false;
  std::array<std::byte, kLogHeaderBytes> header{};
  if (Status status = read(log, header, 0); !status.ok()) return status;
  if ((big_endian(header, 0) & ~1U) != kMagic || big_endian(header, 4) != kVersion) {
    return unknown_format("its format is " + std::to_string(big_endian(header, 4)));
  }
  if (big_endian(header, 8) != page_bytes || !has_salt(header, 16)) {
    return unknown_format("its header and its index do not agree");
  }
  std::array<std::byte, kFrameHeaderBytes> last{};
  const std::uint64_t at = kLogHeaderBytes + (frames - 1ULL) * (kFrameHeaderBytes + page_bytes);
  if (Status status = read(log, last, at); !status.ok()) return status;
  if (big_endian(last, 4) != words_[kPagesAt] || !has_salt(last, 8)) {
    return unknown_format("the last frame of a commit does not have its mark where it should be");
  }
  return true;
}

// Copied to the index byte for byte.
bool WalIndex::has_salt(std::span<const std::byte> header, std::size_t at) const noexcept {
  const std::array<std::uint32_t, kSaltWords> salt = {words_[kSaltAt], words_[kSaltAt + 1]};
  return std::memcmp(header.data() + at, salt.data(), sizeof salt) == 0;
}

bool WalIndex::wholly_copied() const noexcept { return frames() == copied(); }

std::uint32_t WalIndex::frames() const noexcept { return words_[kFramesAt]; }

std::uint32_t WalIndex::copied() const noexcept { return words_[kCopiedAt]; }

unsigned WalIndex::keeping_marks() const noexcept {
  unsigned marks = 1;
  const std::uint32_t safe = copied();
  for (unsigned i = 1; i < kReadMarks; ++i) {
    if (words_[kReadMarksAt + i] <= safe) marks |= 1U << i;
  }
  return marks;
}

}  // namespace onelane::sqlite
