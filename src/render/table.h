// A table of a page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace onelane::inline v0::render {

class HtmlTable {
 public:
  // The id is what a page finds it by when it fetches itself again; with it empty there is none.
  explicit HtmlTable(std::string_view caption, std::string_view id = {});

  void columns(const std::vector<std::string>& titles);
  // One cell a column; the first says what the row is about.
  void row(const std::vector<std::string>& cells);
  bool empty() const noexcept { return rows_.empty(); }
  std::string text() const;

 private:
  std::string caption_;  // escaped, as the id
  std::string id_;
  std::string head_;
  std::string rows_;
};

// What is opened on demand. `summary` and `inside` are HTML.
std::string folded(std::string_view id, std::string_view summary, std::string_view inside);

}  // namespace onelane::inline v0::render
