#include "src/postgres/parameters.h"

#include <array>
#include <bit>
#include <cstring>

#include "src/base/check.h"
#include "src/model/row.h"

namespace onelane::inline v0::postgres {

namespace {

constexpr int kText = 0;
constexpr int kBinary = 1;

// The wire has the most significant byte first.
std::array<char, 8> big_endian(std::uint64_t value) noexcept {
  std::array<char, 8> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<char>(value >> (8 * (out.size() - 1 - i)));
  }
  return out;
}

}  // namespace

Oid oid_of(ColumnType type) noexcept {
  switch (type) {
    case ColumnType::integer:
      return kInt8Oid;
    case ColumnType::real:
      return kFloat8Oid;
    case ColumnType::blob:
      return kByteaOid;
    case ColumnType::text:
      break;
  }
  return kUnknownOid;
}

Parameters::Found Parameters::take(std::span<const std::byte> row) {
  clear(row.size());  // a text's NUL takes the place of its length, a number that of itself
  model::RowReader reader(row);
  model::RowValue value;
  while (reader.next(value)) {
    const auto* data = reinterpret_cast<const char*>(value.bytes.data());
    switch (value.tag) {
      case model::Tag::null:
        null();
        break;
      case model::Tag::integer:
        number(static_cast<std::uint64_t>(value.integer));
        break;
      case model::Tag::real:
        add_number(kFloat8Oid, std::bit_cast<std::uint64_t>(value.real));
        break;
      case model::Tag::text:
        if (std::memchr(data, 0, value.bytes.size()) != nullptr) return Found::nul_in_text;
        text({data, value.bytes.size()});
        break;
      case model::Tag::blob:
        add(kByteaOid, data, value.bytes.size());
        break;
    }
  }
  return reader.ok() ? Found::good : Found::no_row;
}

void Parameters::clear(std::size_t bytes) {
  if (bytes_.size() < bytes) bytes_.resize(bytes);
  used_ = 0;
  values_.clear();
  lengths_.clear();
  formats_.clear();
  types_.clear();
}

void Parameters::null() { add(kUnknownOid, nullptr, 0); }

void Parameters::number(std::uint64_t value) { add_number(kInt8Oid, value); }

void Parameters::text(std::string_view value) {
  const char* const kept = keep(value.data(), value.size());
  keep("", 1);
  add(kUnknownOid, kept, value.size());
  formats_.back() = kText;
}

void Parameters::add(Oid type, const char* value, std::size_t size) {
  values_.push_back(value);
  lengths_.push_back(static_cast<int>(size));
  formats_.push_back(kBinary);
  types_.push_back(type);
}

template <class T>
void Parameters::add_number(Oid type, T value) {
  const auto wire = big_endian(value);
  add(type, keep(wire.data(), wire.size()), wire.size());
}

const char* Parameters::keep(const char* data, std::size_t size) {
  ONELANE_CHECK(used_ + size <= bytes_.size(), size);
  char* const to = bytes_.data() + used_;
  if (size != 0) std::memcpy(to, data, size);
  used_ += size;
  return to;
}

}  // namespace onelane::inline v0::postgres
