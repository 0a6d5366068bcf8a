// Cells as the parameters of a query.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>

#include "bench/kit/database.h"
#include "bench/run/workload.h"

namespace onelane::bench::run {

// As many as it has parameters. The cells must stay until it has run.
inline void bind_cells(Query& query, const Cells& cells) {
  const std::size_t parameters = std::min(cells.size(), query.parameters());
  for (std::size_t i = 0; i < parameters; ++i) {
    const Cell& cell = cells[i];
    const int at = static_cast<int>(i) + 1;
    switch (cell.type) {
      case ColumnType::integer:
        query.bind(at, cell.integer);
        break;
      case ColumnType::real:
        query.bind(at, cell.real);
        break;
      case ColumnType::text:
        query.bind(at, std::string_view(cell.bytes));
        break;
      case ColumnType::blob:
        query.bind(at, std::as_bytes(std::span(cell.bytes)));
        break;
    }
  }
}

}  // namespace onelane::bench::run
