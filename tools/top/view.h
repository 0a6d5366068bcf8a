// A snapshot as lines for a terminal: whether anything is wrong, who keeps whom waiting, the lane,
// and each class. A pure function; what is missing in the snapshot, or of another kind, counts as 0
// or as empty, and whatever comes from there is made printable.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace onelane::tools {

struct ViewSize {
  std::size_t columns = 100;
  std::size_t lines = 0;  // 0: as many as there are
};

struct View {
  bool ok = true;                  // nothing is wrong
  std::vector<std::string> lines;  // each at most so many columns
  std::size_t headline = 0;        // the line that says whether anything is wrong
};

View view_of(const nlohmann::json& snapshot, const ViewSize& size);

}  // namespace onelane::tools
