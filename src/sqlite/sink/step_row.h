// A row of a query that is being stepped, as a job's visitor sees it.
#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "onelane/record.h"

namespace onelane::inline v0::sqlite {

class StepRow final : public ResultRow {
 public:
  explicit StepRow(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  std::size_t columns() const override {
    return static_cast<std::size_t>(sqlite3_data_count(statement_));
  }
  int type(std::size_t column) const { return sqlite3_column_type(statement_, at(column)); }
  bool is_null(std::size_t column) const override {
    return sqlite3_column_type(statement_, at(column)) == SQLITE_NULL;
  }
  std::int64_t integer(std::size_t column) const override {
    return sqlite3_column_int64(statement_, at(column));
  }
  double real(std::size_t column) const override {
    return sqlite3_column_double(statement_, at(column));
  }
  std::string_view text(std::size_t column) const override {
    return {reinterpret_cast<const char*>(sqlite3_column_text(statement_, at(column))),
            size(column)};
  }
  std::span<const std::byte> blob(std::size_t column) const override {
    return {static_cast<const std::byte*>(sqlite3_column_blob(statement_, at(column))),
            size(column)};
  }

  // Of what text() or blob() gave: to be asked after it, which may convert the value.
  std::size_t size(std::size_t column) const {
    return static_cast<std::size_t>(sqlite3_column_bytes(statement_, at(column)));
  }

 private:
  // SQLite reads NULL where there is no such column.
  static int at(std::size_t column) noexcept {
    constexpr std::size_t kMost = std::numeric_limits<int>::max();
    return static_cast<int>(std::min(column, kMost));
  }
  sqlite3_stmt* statement_;
};

}  // namespace onelane::inline v0::sqlite
