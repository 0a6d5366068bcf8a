#include "src/sqlite/log/wal_index.h"

#include <array>
#include <cstring>
#include <string>

#include "src/sqlite/connection/wal_format.h"

namespace onelane::inline v0::sqlite {

namespace {

std::uint32_t big_endian(std::span<const std::byte> header, std::size_t at) {
  std::uint32_t value = 0;
  for (const std::byte one : header.subspan(at, wal::kNumberBytes)) {
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
  const int code = file->pMethods->xShmMap(file, 0, wal::kRegionBytes, 0, &region);
  if (code != SQLITE_OK) return connection.failure(code, Place::control, "the log's index").cause;
  if (region == nullptr) return Status(Errc::storage, "SQLite does not give its log's index");
  std::unique_ptr<WalIndex> index(new WalIndex(region));
  const std::uint32_t version = index->words_[wal::kIndexVersionWord];
  if (version == wal::kVersion) return index;
  return unknown_format("its index has the format " + std::to_string(version));
}

Result<bool> WalIndex::describes(sqlite3_file* log, std::size_t page_bytes) const {
  const std::uint32_t frames = words_[wal::kFramesWord];
  if (frames == 0) return false;
  std::array<std::byte, wal::kHeaderBytes> header{};
  if (Status status = read(log, header, 0); !status.ok()) return status;
  const std::uint32_t version = big_endian(header, wal::kVersionAt);
  if ((big_endian(header, wal::kMagicAt) & ~1U) != wal::kMagic || version != wal::kVersion) {
    return unknown_format("its format is " + std::to_string(version));
  }
  if (big_endian(header, wal::kPageBytesAt) != page_bytes || !has_salt(header, wal::kSaltAt)) {
    return unknown_format("its header and its index do not agree");
  }
  std::array<std::byte, wal::kFrameHeaderBytes> last{};
  const std::uint64_t at = wal::frame_at(frames - 1, page_bytes);
  if (Status status = read(log, last, at); !status.ok()) return status;
  const bool marked = big_endian(last, wal::kCommitMarkAt) == words_[wal::kPagesWord];
  if (!marked || !has_salt(last, wal::kFrameSaltAt)) {
    return unknown_format("the last frame of a commit does not have its mark where it should be");
  }
  return true;
}

// Copied to the index byte for byte.
bool WalIndex::has_salt(std::span<const std::byte> header, std::size_t at) const noexcept {
  const std::array<std::uint32_t, 2> salt = {words_[wal::kSaltWord], words_[wal::kSaltWord + 1]};
  static_assert(sizeof salt == wal::kSaltBytes);
  return std::memcmp(header.data() + at, salt.data(), sizeof salt) == 0;
}

bool WalIndex::wholly_copied() const noexcept { return frames() == copied(); }

std::uint32_t WalIndex::frames() const noexcept { return words_[wal::kFramesWord]; }

std::uint32_t WalIndex::copied() const noexcept { return words_[wal::kBackfilledWord]; }

unsigned WalIndex::keeping_marks() const noexcept {
  unsigned marks = 1;
  const std::uint32_t safe = copied();
  for (unsigned i = 1; i < wal::kReadMarks; ++i) {
    if (words_[wal::kReadMarksWord + i] <= safe) marks |= 1U << i;
  }
  return marks;
}

}  // namespace onelane::inline v0::sqlite
