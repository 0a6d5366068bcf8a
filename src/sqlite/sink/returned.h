// Rows that RETURNING gave, kept for a receipt.
#pragma once

#include <cstddef>
#include <span>

#include "onelane/record.h"
#include "src/sqlite/sink/step_row.h"

namespace onelane::inline v0::sqlite {

// The row's values, each of the type that SQLite says.
ReturnedRow copy_of(const StepRow& row);

// What they take in memory, once they are copied.
std::size_t returned_bytes(const StepRow& row) noexcept;
std::size_t returned_bytes(const ReturnedRow& row) noexcept;
std::size_t returned_bytes(std::span<const ReturnedRow> rows) noexcept;

}  // namespace onelane::inline v0::sqlite
