#include "src/model/row.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace onelane::inline v0 {

using model::Tag;

namespace {

// Most rows fit without growing.
constexpr std::size_t kRowBytesFirst = 256;

std::uint8_t tag_byte(Tag tag) noexcept { return static_cast<std::uint8_t>(tag); }

}  // namespace

std::string_view name(ColumnType type) noexcept {
  constexpr auto kNames = std::to_array<std::string_view>({"integer", "real", "text", "blob"});
  static_assert(static_cast<std::size_t>(ColumnType::blob) + 1 == kNames.size());
  return kNames[static_cast<std::size_t>(type)];
}

Row::Row(Row&& other) noexcept
    : buffer_(std::exchange(other.buffer_, {})),
      size_(other.size_),
      tags_(other.tags_),
      columns_(other.columns_),
      status_(std::move(other.status_)) {
  other.clear();
}

Row& Row::operator=(Row&& other) noexcept {
  Row taken(std::move(other));
  std::swap(buffer_, taken.buffer_);
  std::swap(size_, taken.size_);
  std::swap(tags_, taken.tags_);
  std::swap(columns_, taken.columns_);
  std::swap(status_, taken.status_);
  return *this;
}

void Row::clear() {
  static_assert(kNoColumns[0] == static_cast<std::byte>(model::kRowVersion));
  size_ = kNoColumns.size();
  tags_ = 0;
  columns_ = 0;
  if (!status_.ok()) status_ = {};
}

// Adds a column's tag; its payload goes where the result points.
inline std::byte* Row::column(std::uint8_t tag, std::size_t payload_bytes) {
  const std::size_t begin = size_;
  const std::size_t end = begin + 1 + payload_bytes;
  if (end > buffer_.size()) [[unlikely]]
    grow(end);
  size_ = end;
  buffer_[begin] = static_cast<std::byte>(tag);
  if (columns_ < 16) {
    tags_ |= model::tag_bits(tag, columns_);
  } else if (columns_ == model::kColumnsMax) [[unlikely]] {
    too_many();
    return buffer_.data() + begin + 1;
  }
  ++columns_;
  return buffer_.data() + begin + 1;
}

inline void Row::sized(std::uint8_t tag, const void* data, std::size_t size) {
  const auto length = static_cast<std::uint32_t>(size);
  std::byte* out = column(tag, sizeof length + size);
  std::memcpy(out, &length, sizeof length);
  if (size != 0) std::memcpy(out + sizeof length, data, size);
}

[[gnu::cold]] void Row::grow(std::size_t size) {
  buffer_.resize(std::max({size, kRowBytesFirst, 2 * buffer_.size()}));
  buffer_[0] = kNoColumns[0];
}

[[gnu::cold]] void Row::fail(std::string reason) {
  if (status_.ok()) {
    status_ = Status(Errc::invalid_argument,
                     "column ?" + std::to_string(columns_ + 1) + ": " + std::move(reason));
  }
  null();
}

[[gnu::cold]] Row& Row::too_large(const char* what, std::size_t size) {
  fail("a " + std::string(what) + " of " + std::to_string(size) + " bytes after " +
       std::to_string(size_) + "; SQLite keeps at most " + std::to_string(model::kRowBytesMax) +
       " in a row");
  return *this;
}

[[gnu::cold]] void Row::too_many() {
  if (!status_.ok()) return;
  status_ = Status(Errc::invalid_argument,
                   "a row has at most " + std::to_string(model::kColumnsMax) + " columns");
}

Row& Row::null() {
  column(tag_byte(Tag::null), 0);
  return *this;
}

Row& Row::integer(std::int64_t integer) {
  std::memcpy(column(tag_byte(Tag::integer), sizeof integer), &integer, sizeof integer);
  return *this;
}

Row& Row::unsigned_integer(std::uint64_t integer) {
  if (integer > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    fail(std::to_string(integer) + " is above 2^63 - 1, the largest integer that SQLite keeps");
    return *this;
  }
  return this->integer(static_cast<std::int64_t>(integer));
}

Row& Row::real(double real) {
  if (std::isnan(real)) {
    fail("NaN, which SQLite would store as NULL");
    return *this;
  }
  std::memcpy(column(tag_byte(Tag::real), sizeof real), &real, sizeof real);
  return *this;
}

Row& Row::text(std::string_view text) {
  if (size_ + text.size() > model::kRowBytesMax) return too_large("text", text.size());
  sized(tag_byte(Tag::text), text.data(), text.size());
  return *this;
}

Row& Row::blob(std::span<const std::byte> blob) {
  if (size_ + blob.size() > model::kRowBytesMax) return too_large("blob", blob.size());
  sized(tag_byte(Tag::blob), blob.data(), blob.size());
  return *this;
}

namespace {

[[gnu::cold]] Status two_journals(Statement statement, std::size_t row) {
  return {Errc::invalid_argument, "statement " + std::to_string(statement.index) + " in row " +
                                      std::to_string(row + 1) +
                                      " of the group is of another journal than those before it"};
}

}  // namespace

Group::Group(Group&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})),
      rows_(std::exchange(other.rows_, 0)),
      journal_(std::exchange(other.journal_, 0)),
      status_(std::move(other.status_)) {}

Group& Group::operator=(Group&& other) noexcept {
  Group taken(std::move(other));
  std::swap(bytes_, taken.bytes_);
  std::swap(rows_, taken.rows_);
  std::swap(journal_, taken.journal_);
  std::swap(status_, taken.status_);
  return *this;
}

void Group::add(Statement statement, const Row& row) {
  const std::size_t size = bytes_.size() + model::kFrameHeaderBytes + row.bytes().size();
  if (size > bytes_.capacity()) bytes_.reserve(std::max(size, 2 * bytes_.capacity()));
  if (!row.status().ok() && status_.ok()) status_ = row.status();
  if (rows_ == 0) journal_ = statement.journal;
  if (statement.journal != journal_ && status_.ok()) status_ = two_journals(statement, rows_);
  std::array<std::byte, model::kFrameHeaderBytes> header;
  model::write_frame_header(header.data(), statement, row.bytes().size());
  bytes_.insert(bytes_.end(), header.begin(), header.end());
  bytes_.insert(bytes_.end(), row.bytes().begin(), row.bytes().end());
  ++rows_;
}

void Group::clear() {
  bytes_.clear();
  rows_ = 0;
  journal_ = 0;
  status_ = {};
}

}  // namespace onelane::inline v0

namespace onelane::inline v0::model {

void write_frame_header(std::byte* out, Statement statement, std::size_t row_bytes) noexcept {
  const auto size = static_cast<std::uint32_t>(row_bytes);
  std::memcpy(out, &statement.index, sizeof statement.index);
  std::memcpy(out + sizeof statement.index, &size, sizeof size);
}

namespace {

bool fits(Column column, Tag tag) noexcept {
  if (tag == Tag::null) return column.nullable;
  return static_cast<std::uint8_t>(column.type) + 1 == static_cast<std::uint8_t>(tag);
}
static_assert(static_cast<int>(ColumnType::integer) + 1 == static_cast<int>(Tag::integer));
static_assert(static_cast<int>(ColumnType::blob) + 1 == static_cast<int>(Tag::blob));

std::string type_error(const StatementSpec& spec, std::size_t column, Tag tag) {
  const Column& wanted = spec.columns[column];
  const std::string_view got =
      tag == Tag::null ? "NULL" : name(static_cast<ColumnType>(static_cast<int>(tag) - 1));
  return "column ?" + std::to_string(column + 1) + " is " + std::string(got) +
         ", but the statement takes " + std::string(name(wanted.type)) +
         (wanted.nullable ? " or NULL" : "") + " there: " + spec.sql;
}

}  // namespace

std::uint64_t tags_of(const StatementSpec& spec) noexcept {
  if (spec.columns.size() > 16) return 0;
  std::uint64_t tags = 0;
  for (std::size_t i = 0; i < spec.columns.size(); ++i) {
    tags |= tag_bits(static_cast<std::uint8_t>(static_cast<int>(spec.columns[i].type) + 1), i);
  }
  return tags;
}

Status check_row(const StatementSpec& spec, std::span<const std::byte> row) {
  RowReader reader(row);
  RowValue value;
  std::size_t column = 0;
  while (reader.next(value)) {
    if (column < spec.columns.size() && !fits(spec.columns[column], value.tag)) {
      return {Errc::invalid_argument, type_error(spec, column, value.tag)};
    }
    ++column;
  }
  if (!reader.ok())
    return {Errc::invalid_argument, "the bytes are not an encoded row: " + spec.sql};
  if (column == spec.columns.size()) return {};
  return {Errc::invalid_argument, "the row has " + std::to_string(column) +
                                      " columns, but the statement takes " +
                                      std::to_string(spec.columns.size()) + ": " + spec.sql};
}

namespace {

// Calls visit with the encoding (tag and payload) of each column, in order.
template <class Visit>
void for_each_column(std::span<const std::byte> row, const Visit& visit) {
  RowReader reader(row);
  RowValue value;
  std::size_t begin = row.size() - reader.bytes_left();
  for (std::size_t column = 0; reader.next(value); ++column) {
    const std::size_t end = row.size() - reader.bytes_left();
    visit(column, row.subspan(begin, end - begin));
    begin = end;
  }
}

bool is_key(const StatementSpec& spec, std::size_t column) {
  return std::find(spec.key_columns.begin(), spec.key_columns.end(), column) !=
         spec.key_columns.end();
}

}  // namespace

std::size_t key_size(const StatementSpec& spec, std::span<const std::byte> row) noexcept {
  std::size_t size = sizeof(Statement::index);
  bool whole = true;
  for_each_column(row, [&](std::size_t column, std::span<const std::byte> encoded) {
    if (!is_key(spec, column)) return;
    size += encoded.size();
    whole = whole && static_cast<Tag>(encoded.front()) != Tag::null;
  });
  return whole ? size : 0;
}

void write_key(const StatementSpec& spec, Statement statement, std::span<const std::byte> row,
               std::byte* out) noexcept {
  std::memcpy(out, &statement.index, sizeof statement.index);
  out += sizeof statement.index;
  for_each_column(row, [&](std::size_t column, std::span<const std::byte> encoded) {
    if (is_key(spec, column)) out = std::copy(encoded.begin(), encoded.end(), out);
  });
}

}  // namespace onelane::inline v0::model
