// A table of a page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace onelane::bench {

class HtmlTable {
 public:
  explicit HtmlTable(std::string_view caption);

  void columns(const std::vector<std::string>& titles);
  // One cell a column; the first says what the row is about.
  void row(const std::vector<std::string>& cells);
  std::string text() const;

 private:
  std::string caption_;
  std::string head_;
  std::string rows_;
};

// "20,815", "0.123": as many digits as mean something.
std::string table_number(double value);

}  // namespace onelane::bench
