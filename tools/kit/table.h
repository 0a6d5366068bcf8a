// Text tables with aligned columns, for a terminal or a file.
#pragma once

#include <string>
#include <vector>

namespace onelane::kit {

class Table {
 public:
  // A title over the next `columns` columns.
  void group(std::string title, std::size_t columns);
  // The first column is aligned to the left, the others to the right.
  void columns(std::vector<std::string> titles) { titles_ = std::move(titles); }
  // One cell a column.
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  std::string text() const;

 private:
  struct Group {
    std::string title;
    std::size_t columns;
  };

  std::vector<std::size_t> widths() const;
  std::string groups_line(const std::vector<std::size_t>& widths) const;

  std::vector<Group> groups_;
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace onelane::kit
