#include "src/postgres/rows.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "onelane/sink.h"
#include "src/postgres/parameters.h"

namespace onelane::inline v0::postgres {

namespace {

constexpr std::string_view kHexPrefix = "\\x";  // bytea_output = hex

bool holds_integer(Oid type) noexcept {
  return type == kInt2Oid || type == kInt4Oid || type == kInt8Oid;
}

double real_of(std::string_view text) noexcept {
  double out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

// A boolean is "t" or "f".
std::int64_t integer_of(std::string_view text, Oid type) noexcept {
  if (type == kBoolOid) return text == "t" ? 1 : 0;
  std::int64_t out = 0;
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data(), end, out).ptr == end) return out;
  const double real = real_of(text);
  constexpr double kLimit = 9.2e18;
  if (std::isnan(real)) return 0;
  if (real > kLimit) return std::numeric_limits<std::int64_t>::max();
  if (real < -kLimit) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(real);
}

std::vector<std::byte> unhex(std::string_view text) {
  std::vector<std::byte> out;
  if (!text.starts_with(kHexPrefix)) return out;
  text.remove_prefix(kHexPrefix.size());
  out.reserve(text.size() / 2);
  for (std::size_t at = 0; at + 2 <= text.size(); at += 2) {
    unsigned value = 0;
    std::from_chars(text.data() + at, text.data() + at + 2, value, 16);
    out.push_back(static_cast<std::byte>(value));
  }
  return out;
}

Value copy_of(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return std::monostate();
  const std::string_view text = value_of(result, row, column);
  const Oid type = PQftype(result, column);
  if (holds_integer(type) || type == kBoolOid) return integer_of(text, type);
  if (type == kFloat4Oid || type == kFloat8Oid) return real_of(text);
  if (type == kByteaOid) return unhex(text);
  return std::string(text);
}

std::size_t bytes_of(const ReturnedRow& row) noexcept {
  std::size_t bytes = sizeof(ReturnedRow) + row.size() * sizeof(Value);
  for (const Value& value : row) {
    if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
    if (const auto* blob = std::get_if<std::vector<std::byte>>(&value)) bytes += blob->size();
  }
  return bytes;
}

}  // namespace

void QueryRow::move_to(int row) {
  row_ = row;
  blobs_.clear();
  blobs_.resize(columns());
}

std::size_t QueryRow::columns() const { return static_cast<std::size_t>(PQnfields(result_)); }

bool QueryRow::has(std::size_t column) const noexcept {
  return column < static_cast<std::size_t>(PQnfields(result_));
}

bool QueryRow::is_null(std::size_t column) const {
  return !has(column) || PQgetisnull(result_, row_, static_cast<int>(column)) != 0;
}

std::int64_t QueryRow::integer(std::size_t column) const {
  if (is_null(column)) return 0;
  return integer_of(text(column), PQftype(result_, static_cast<int>(column)));
}

double QueryRow::real(std::size_t column) const {
  return is_null(column) ? 0 : real_of(text(column));
}

std::string_view QueryRow::text(std::size_t column) const {
  return has(column) ? value_of(result_, row_, static_cast<int>(column)) : std::string_view();
}

std::span<const std::byte> QueryRow::blob(std::size_t column) const {
  if (is_null(column)) return {};
  if (PQftype(result_, static_cast<int>(column)) != kByteaOid) {
    return std::as_bytes(std::span(text(column)));
  }
  std::vector<std::byte>& bytes = blobs_[column];
  if (bytes.empty()) bytes = unhex(text(column));
  return bytes;
}

bool append_rows(const PGresult* result, std::vector<ReturnedRow>& rows) {
  std::size_t bytes = 0;
  for (const ReturnedRow& row : rows) bytes += bytes_of(row);
  for (int i = 0; i < PQntuples(result); ++i) {
    ReturnedRow row;
    row.reserve(static_cast<std::size_t>(PQnfields(result)));
    for (int j = 0; j < PQnfields(result); ++j) row.push_back(copy_of(result, i, j));
    bytes += bytes_of(row);
    if (bytes > kReturnedBytesMax) return false;
    rows.push_back(std::move(row));
  }
  return true;
}

std::string_view value_of(const PGresult* result, int row, int column) noexcept {
  if (row >= PQntuples(result) || column >= PQnfields(result)) return {};
  return {PQgetvalue(result, row, column),
          static_cast<std::size_t>(PQgetlength(result, row, column))};
}

}  // namespace onelane::inline v0::postgres
