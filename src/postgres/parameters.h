// The parameters of one execution, as libpq takes them.
//
// Numbers and blobs go in binary, text as text: then the server reads a text as whatever type it
// found for the parameter.
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "onelane/record.h"

namespace onelane::inline v0::postgres {

inline constexpr Oid kBoolOid = 16;
inline constexpr Oid kByteaOid = 17;
inline constexpr Oid kInt8Oid = 20;
inline constexpr Oid kInt2Oid = 21;
inline constexpr Oid kInt4Oid = 23;
inline constexpr Oid kFloat4Oid = 700;
inline constexpr Oid kFloat8Oid = 701;
inline constexpr Oid kUnknownOid = 0;  // the server finds it

// Of a statement's parameter.
Oid oid_of(ColumnType type) noexcept;

// Kept and used again, so that a row costs no allocation.
class Parameters {
 public:
  // What is wrong with the row, if anything; of a text with a NUL byte the column.
  enum class Found : std::uint8_t { good, no_row, nul_in_text };
  // Blobs stay in the row, which must outlive the sending.
  Found take(std::span<const std::byte> row);

  // One by one, for statements of our own. The total is at most `bytes`.
  void clear(std::size_t bytes);
  void null();
  void number(std::uint64_t value);
  void text(std::string_view value);

  // The column, from 1, that take() found a NUL byte in.
  std::size_t culprit() const noexcept { return values_.size() + 1; }
  int count() const noexcept { return static_cast<int>(values_.size()); }
  const char* const* values() const noexcept { return values_.data(); }
  const int* lengths() const noexcept { return lengths_.data(); }
  const int* formats() const noexcept { return formats_.data(); }
  const Oid* types() const noexcept { return types_.data(); }

 private:
  void add(Oid type, const char* value, std::size_t size);
  template <class T>
  void add_number(Oid type, T value);
  const char* keep(const char* data, std::size_t size);

  std::vector<char> bytes_;  // what values_ point to, but for blobs
  std::size_t used_ = 0;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  std::vector<Oid> types_;
};

}  // namespace onelane::inline v0::postgres
