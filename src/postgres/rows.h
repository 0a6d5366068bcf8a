// Rows that a query or RETURNING gave.
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/record.h"

namespace onelane::inline v0::postgres {

// Visits one row of a result in text format after another.
class QueryRow final : public ResultRow {
 public:
  // The result must outlive it.
  explicit QueryRow(const PGresult* result) noexcept : result_(result) {}
  void move_to(int row);

  std::size_t columns() const override;
  bool is_null(std::size_t column) const override;
  std::int64_t integer(std::size_t column) const override;
  double real(std::size_t column) const override;
  std::string_view text(std::size_t column) const override;
  std::span<const std::byte> blob(std::size_t column) const override;

 private:
  bool has(std::size_t column) const noexcept;

  const PGresult* const result_;
  int row_ = 0;
  // Of the row's columns of type bytea, as far as they were asked for.
  mutable std::vector<std::vector<std::byte>> blobs_;
};

// Appends the result's rows, as long as all take no more than kReturnedBytesMax; false if they
// would.
bool append_rows(const PGresult* result, std::vector<ReturnedRow>& rows);

// The one value of a result, empty if there is none or it is NULL.
std::string_view value_of(const PGresult* result, int row = 0, int column = 0) noexcept;

}  // namespace onelane::inline v0::postgres
