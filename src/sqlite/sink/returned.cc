#include "src/sqlite/sink/returned.h"

#include <string>
#include <variant>
#include <vector>

namespace onelane::inline v0::sqlite {

namespace {

Value copy_of(const StepRow& row, std::size_t column) {
  switch (row.type(column)) {
    case SQLITE_INTEGER:
      return row.integer(column);
    case SQLITE_FLOAT:
      return row.real(column);
    case SQLITE_TEXT:
      return std::string(row.text(column));
    case SQLITE_BLOB: {
      const std::span<const std::byte> blob = row.blob(column);
      return std::vector<std::byte>(blob.begin(), blob.end());
    }
    default:
      return std::monostate();
  }
}

}  // namespace

ReturnedRow copy_of(const StepRow& row) {
  ReturnedRow out;
  out.reserve(row.columns());
  for (std::size_t i = 0; i < row.columns(); ++i) out.push_back(copy_of(row, i));
  return out;
}

std::size_t returned_bytes(const StepRow& row) noexcept {
  std::size_t bytes = sizeof(ReturnedRow) + row.columns() * sizeof(Value);
  for (std::size_t i = 0; i < row.columns(); ++i) {
    const int type = row.type(i);
    if (type == SQLITE_TEXT || type == SQLITE_BLOB) bytes += row.size(i);
  }
  return bytes;
}

std::size_t returned_bytes(const ReturnedRow& row) noexcept {
  std::size_t bytes = sizeof(ReturnedRow) + row.size() * sizeof(Value);
  for (const Value& value : row) {
    if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
    if (const auto* blob = std::get_if<std::vector<std::byte>>(&value)) bytes += blob->size();
  }
  return bytes;
}

std::size_t returned_bytes(std::span<const ReturnedRow> rows) noexcept {
  std::size_t bytes = 0;
  for (const ReturnedRow& row : rows) bytes += returned_bytes(row);
  return bytes;
}

}  // namespace onelane::inline v0::sqlite
