#include "bench/kit/html_table.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

#include "bench/kit/chart.h"
#include "bench/kit/units.h"

namespace onelane::bench {

HtmlTable::HtmlTable(std::string_view caption) : caption_(escape(caption)) {}

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

std::string HtmlTable::text() const {
  return fmt::format(
      "<div class=\"wide\"><table>\n<caption>{}</caption>\n<thead><tr>{}</tr></thead>\n"
      "<tbody>\n{}</tbody>\n</table></div>\n",
      caption_, head_, rows_);
}

std::string table_number(double value) {
  constexpr double kWhole = 1000;
  if (!std::isfinite(value)) return "-";
  if (std::abs(value) < kWhole) return fmt::format("{:.3g}", value);
  return fmt::format("{}{}", value < 0 ? "-" : "",
                     format_count(static_cast<std::uint64_t>(std::abs(value) + 0.5)));
}

}  // namespace onelane::bench
