// The encoding of rows, and of entries' payloads made of them.
//
// A row: one version byte (kRowVersion), then per column a tag byte and its payload:
//   null    -
//   integer 8 bytes, two's complement, little-endian
//   real    8 bytes, IEEE 754, little-endian
//   text    4 bytes length, little-endian, then that many bytes
//   blob    the same
// A payload: per row 2 bytes statement index, 4 bytes length, both little-endian, then the row.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

#include "onelane/record.h"

namespace onelane::inline v0::model {

static_assert(std::endian::native == std::endian::little,
              "the encoding copies integers as they are");

inline constexpr std::uint8_t kRowVersion = 1;
// SQLite's own limit on a text, a blob and a table's row (SQLITE_MAX_LENGTH). Here it bounds the
// encoding of all that comes up to a text or blob.
inline constexpr std::size_t kRowBytesMax = 1'000'000'000;
inline constexpr std::uint16_t kColumnsMax = std::numeric_limits<std::uint16_t>::max();
// A frame's header has four bytes for a row's size, and numbers may follow the last text.
static_assert(kRowBytesMax + kColumnsMax * (1 + sizeof(std::int64_t)) <=
              std::numeric_limits<std::uint32_t>::max());

enum class Tag : std::uint8_t { null, integer, real, text, blob };

struct RowValue {
  Tag tag = Tag::null;
  std::int64_t integer = 0;
  double real = 0;
  std::span<const std::byte> bytes;  // of a text or blob; into the row
};

// Reads a row from untrusted bytes: never past their end. Inline: it is run for every row.
class RowReader {
 public:
  explicit RowReader(std::span<const std::byte> row) noexcept
      : at_(row.data()), end_(row.data() + row.size()) {
    ok_ = !row.empty() && static_cast<std::uint8_t>(*at_) == kRowVersion;
    if (ok_) ++at_;
  }
  // False at the end, or at the first byte that is not an encoding; ok() tells the two apart.
  bool next(RowValue& value) noexcept {
    if (!ok_ || at_ == end_) return false;
    value.tag = static_cast<Tag>(*at_++);
    switch (value.tag) {
      case Tag::null:
        return true;
      case Tag::integer:
        return take(&value.integer, sizeof value.integer);
      case Tag::real:
        return take(&value.real, sizeof value.real);
      case Tag::text:
      case Tag::blob:
        return take_bytes(value.bytes);
    }
    return ok_ = false;
  }
  bool ok() const noexcept { return ok_; }
  std::size_t bytes_left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

 private:
  bool take(void* out, std::size_t size) noexcept {
    ok_ = bytes_left() >= size;
    if (!ok_) return false;
    std::memcpy(out, at_, size);
    at_ += size;
    return true;
  }
  bool take_bytes(std::span<const std::byte>& out) noexcept {
    std::uint32_t size = 0;
    ok_ = take(&size, sizeof size) && size <= bytes_left();
    if (!ok_) return false;
    out = {at_, size};
    at_ += size;
    return true;
  }

  const std::byte* at_;
  const std::byte* end_;
  bool ok_;
};

// Shows a row's values to `to`: null(), integer(), real(), text(data, size) and blob(data, size).
// False if the bytes are not a row. The quick way, for what is done with every row.
template <class To>
bool read_row(std::span<const std::byte> row, To& to) noexcept {
  const std::byte* at = row.data();
  const std::byte* const end = at + row.size();
  if (row.empty() || static_cast<std::uint8_t>(*at++) != kRowVersion) return false;
  while (at != end) {
    const Tag tag = static_cast<Tag>(*at++);
    const auto left = static_cast<std::size_t>(end - at);
    if (tag == Tag::text || tag == Tag::blob) {
      std::uint32_t size = 0;
      if (left < sizeof size) return false;
      std::memcpy(&size, at, sizeof size);
      at += sizeof size;
      if (left - sizeof size < size) return false;
      tag == Tag::text ? to.text(reinterpret_cast<const char*>(at), size) : to.blob(at, size);
      at += size;
    } else if (tag == Tag::integer || tag == Tag::real) {
      std::int64_t integer = 0;
      if (left < sizeof integer) return false;
      std::memcpy(&integer, at, sizeof integer);
      tag == Tag::integer ? to.integer(integer) : to.real(std::bit_cast<double>(integer));
      at += sizeof integer;
    } else if (tag == Tag::null) {
      to.null();
    } else {
      return false;
    }
  }
  return true;
}

struct Frame {
  Statement statement;
  std::span<const std::byte> row;
};

inline constexpr std::size_t kFrameHeaderBytes = sizeof(std::uint16_t) + sizeof(std::uint32_t);
// Reads the rows of a payload.
class FrameReader {
 public:
  explicit FrameReader(std::span<const std::byte> payload) noexcept : rest_(payload) {}
  bool next(Frame& frame) noexcept {
    if (!ok_ || rest_.empty()) return false;
    std::uint32_t size = 0;
    ok_ = rest_.size() >= kFrameHeaderBytes;
    if (!ok_) return false;
    std::memcpy(&frame.statement.index, rest_.data(), sizeof frame.statement.index);
    std::memcpy(&size, rest_.data() + sizeof frame.statement.index, sizeof size);
    rest_ = rest_.subspan(kFrameHeaderBytes);
    ok_ = size <= rest_.size();
    if (!ok_) return false;
    frame.row = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }
  bool ok() const noexcept { return ok_; }

 private:
  std::span<const std::byte> rest_;
  bool ok_ = true;
};

void write_frame_header(std::byte* out, Statement statement, std::size_t row_bytes) noexcept;

// A column's part of Row::tags(). A tag counts from 1 here, so that a row's end shows.
constexpr std::uint64_t tag_bits(std::uint8_t tag, std::size_t column) noexcept {
  return (static_cast<std::uint64_t>(tag) + 1) << (4 * column);
}
// Of rows with a value in each of the statement's columns; 0 where Row::tags() cannot say.
std::uint64_t tags_of(const StatementSpec& spec) noexcept;

// Whether the row has the statement's columns; the error names the column and both types.
Status check_row(const StatementSpec& spec, std::span<const std::byte> row);

// The coalescing key of a checked row: the statement and the encoded key columns. Size 0: the row
// has none, since a key column is NULL, and in SQL no NULL equals another. Equal keys are equal for
// SQL's unique indexes: a column has one type. The reverse need not hold (-0.0 and 0.0, a
// collation).
std::size_t key_size(const StatementSpec& spec, std::span<const std::byte> row) noexcept;
void write_key(const StatementSpec& spec, Statement statement, std::span<const std::byte> row,
               std::byte* out) noexcept;

}  // namespace onelane::inline v0::model
