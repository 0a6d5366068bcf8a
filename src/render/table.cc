#include "src/render/table.h"

#include <fmt/format.h>

#include "src/render/chart.h"

namespace onelane::inline v0::render {

HtmlTable::HtmlTable(std::string_view caption, std::string_view id)
    : caption_(escape(caption)), id_(id.empty() ? "" : fmt::format(" id=\"{}\"", escape(id))) {}

void HtmlTable::columns(const std::vector<std::string>& titles) {
  for (const std::string& title : titles) {
    head_ += fmt::format("<th scope=\"col\">{}</th>", escape(title));
  }
}

void HtmlTable::row(const std::vector<std::string>& cells) {
  rows_ += "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string cell = escape(cells[i]);
    rows_ +=
        i == 0 ? fmt::format("<th scope=\"row\">{}</th>", cell) : fmt::format("<td>{}</td>", cell);
  }
  rows_ += "</tr>\n";
}

// What is too wide scrolls by itself, with the keyboard, too.
std::string HtmlTable::text() const {
  return fmt::format(
      "<div class=\"wide\"{3} tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table>\n"
      "<caption>{0}</caption>\n<thead><tr>{1}</tr></thead>\n<tbody>\n{2}</tbody>\n</table></div>\n",
      caption_, head_, rows_, id_);
}

std::string folded(std::string_view id, std::string_view summary, std::string_view inside) {
  return fmt::format(
      "<details id=\"{0}\"><summary id=\"{0}-summary\">{1}</summary>\n{2}</details>\n", escape(id),
      summary, inside);
}

}  // namespace onelane::inline v0::render
