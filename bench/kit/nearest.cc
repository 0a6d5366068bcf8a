#include "bench/kit/nearest.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace onelane::bench {
namespace {

// Levenshtein's distance; none to a name that goes on where `from` ends.
std::size_t edits(std::string_view from, std::string_view to) {
  if (to.starts_with(from)) return 0;
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      std::size_t changed = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({changed, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& names) {
  return *std::min_element(names.begin(), names.end(), [&](const auto& one, const auto& other) {
    return edits(name, one) < edits(name, other);
  });
}

}  // namespace onelane::bench
