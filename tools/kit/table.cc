#include "tools/kit/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace onelane::kit {
namespace {

constexpr std::size_t kGap = 2;  // spaces between columns
constexpr std::string_view kGroupGap = " |";

std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

void Table::group(std::string title, std::size_t columns) {
  groups_.push_back({std::move(title), columns});
}

// A group's title that is wider than its columns widens the last of them.
std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths(titles_.size());
  for (std::size_t i = 0; i < titles_.size(); ++i) {
    widths[i] = titles_[i].size();
    for (const auto& row : rows_) widths[i] = std::max(widths[i], row[i].size());
  }
  std::size_t first = 0;
  for (const Group& group : groups_) {
    std::size_t last = first + group.columns;
    std::size_t width = (group.columns - 1) * kGap;
    for (std::size_t i = first; i < last; ++i) width += widths[i];
    if (group.title.size() > width) widths[last - 1] += group.title.size() - width;
    first = last;
  }
  return widths;
}

std::string Table::groups_line(const std::vector<std::size_t>& widths) const {
  std::string line;
  std::size_t column = 0;
  for (const Group& group : groups_) {
    std::size_t width = (group.columns - 1) * kGap;
    for (std::size_t i = 0; i < group.columns; ++i) width += widths[column++];
    if (!line.empty()) line += fmt::format("{}{:{}}", kGroupGap, "", kGap);
    line += fmt::format("{:<{}}", group.title, width);
  }
  return trimmed(line);
}

std::string Table::text() const {
  std::vector<std::size_t> widths = this->widths();
  std::vector<bool> opens_group(titles_.size());
  std::size_t column = 0;
  for (const Group& group : groups_) {
    opens_group[column] = column != 0;
    column += group.columns;
  }
  auto line = [&](const std::vector<std::string>& cells) {
    std::string out = fmt::format("{:<{}}", cells[0], widths[0]);
    for (std::size_t i = 1; i < cells.size(); ++i) {
      if (opens_group[i]) out += kGroupGap;
      out += fmt::format("{:{}}{:>{}}", "", kGap, cells[i], widths[i]);
    }
    return trimmed(out);
  };
  std::string out = groups_.empty() ? "" : groups_line(widths);
  out += line(titles_);
  for (const auto& row : rows_) out += line(row);
  return out;
}

}  // namespace onelane::kit
