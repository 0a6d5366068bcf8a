#include <optional>
#include <span>
#include <string>
#include <vector>

#include "onelane/record.h"
#include "src/model/row.h"

namespace onelane::inline v0 {

namespace {

Value value_of(const model::RowValue& value) {
  switch (value.tag) {
    case model::Tag::null:
      break;
    case model::Tag::integer:
      return value.integer;
    case model::Tag::real:
      return value.real;
    case model::Tag::text:
      return std::string(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
    case model::Tag::blob:
      return std::vector<std::byte>(value.bytes.begin(), value.bytes.end());
  }
  return std::monostate();
}

}  // namespace

std::optional<std::vector<Value>> values_of(std::span<const std::byte> row) {
  std::vector<Value> out;
  model::RowReader reader(row);
  model::RowValue value;
  while (reader.next(value)) out.push_back(value_of(value));
  if (!reader.ok()) return std::nullopt;
  return out;
}

}  // namespace onelane::inline v0
