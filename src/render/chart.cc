#include "src/render/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "src/render/words.h"

namespace onelane::inline v0::render {
namespace {

// In the SVG's own units: its text can be read on a phone as it is.
constexpr double kWidth = 360;
constexpr double kLeft = 64;
constexpr double kNameLeft = 96;  // of charts with names at the side
constexpr double kRight = 24;
constexpr double kTop = 16;
constexpr double kPlotHeight = 200;
constexpr double kAxisHeight = 44;
constexpr double kRowHeight = 34;
constexpr double kLabelRoom = 48;  // beside a bar

double power_of_ten(double value) { return std::pow(10, std::floor(std::log10(value))); }

// The next of 1, 2, 5, 10 times a power of ten, below or above.
double round_down(double value) {
  const double power = power_of_ten(value);
  const double lead = value / power;
  return power * (lead >= 5 ? 5 : lead >= 2 ? 2 : 1);
}

double round_up(double value) {
  const double power = power_of_ten(value);
  const double lead = value / power;
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

// As much of a name as there is room for at the side.
std::string side_name(std::string_view name) { return shortened(name, 13); }

bool shown(const Axis& axis, double value) {
  return std::isfinite(value) && (axis.scale == Scale::linear || value > 0);
}

// Where a value lies between two ends in the picture.
class Mapping {
 public:
  Mapping(const Axis& axis, const std::vector<double>& values, double from, double to)
      : scale_(axis.scale), from_(from), to_(to) {
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (double value : values) {
      if (!shown(axis, value)) continue;
      least = std::min(least, value);
      most = std::max(most, value);
    }
    if (least > most) least = most = 1;
    fit(axis, least, most);
  }

  double at(double value) const {
    const bool log = scale_ == Scale::logarithmic;
    const double share =
        log ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
    return from_ + share * (to_ - from_);
  }
  const std::vector<double>& ticks() const noexcept { return ticks_; }

 private:
  void fit(const Axis& axis, double least, double most) {
    if (!axis.ticks.empty()) {  // they are the values
      ticks_ = axis.ticks;
      low_ = scale_ == Scale::linear ? 0 : least;
      high_ = most;
    } else if (scale_ == Scale::linear) {
      fit_linear(least, std::max(most, 0.0));
    } else {
      fit_logarithmic(least, most);
    }
    if (high_ <= low_) high_ = scale_ == Scale::linear ? low_ + 1 : low_ * 2;
  }

  void fit_linear(double least, double most) {
    constexpr double kSteps = 5;
    const double from = std::min(least, 0.0);
    const double step = round_up(std::max(most - from, 1e-9) / kSteps);
    low_ = std::floor(from / step) * step;
    high_ = std::ceil(most / step) * step;
    const int steps = static_cast<int>(std::lround((high_ - low_) / step));
    for (int i = 0; i <= steps; ++i) ticks_.push_back(low_ + i * step);
  }

  void fit_logarithmic(double least, double most) {
    constexpr double kFewDecades = 2.5;
    low_ = round_down(least);
    high_ = round_up(most);
    const bool fine = std::log10(high_ / low_) <= kFewDecades;
    const double least_power = power_of_ten(low_);
    const int decades = static_cast<int>(std::log10(high_ / least_power) + 1e-3);
    for (int decade = 0; decade <= decades; ++decade) {
      const double power = least_power * std::pow(10.0, decade);
      for (double lead : {1.0, 2.0, 5.0}) {
        const double tick = lead * power;
        if (lead != 1 && !fine) continue;
        if (tick >= low_ * 0.999 && tick <= high_ * 1.001) ticks_.push_back(tick);
      }
    }
  }

  Scale scale_;
  double from_;
  double to_;
  double low_ = 0;
  double high_ = 1;
  std::vector<double> ticks_;
};

std::string text_at(double x, double y, std::string_view anchor, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     escape(text));
}

struct Segment {
  double x1, y1, x2, y2;
};

std::string stroke(const Segment& of, std::string_view kind) {
  return fmt::format(
      "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", kind, of.x1,
      of.y1, of.x2, of.y2);
}

// A circle, a square, a triangle or a diamond; filled, then hollow.
std::string marker(std::size_t style, double x, double y, std::string_view title) {
  constexpr std::array<std::string_view, kStyles / 2> kShapes{
      "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z", "M-4 -4h8v8h-8z", "M0 -5l5 9h-10z",
      "M0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z"};
  const std::size_t which = style % kStyles;
  const std::string name =
      title.empty() ? std::string() : fmt::format("<title>{}</title>", escape(title));
  return fmt::format(
      "<path class=\"{}\" transform=\"translate({:.1f} {:.1f})\" d=\"{}\">{}</path>\n",
      which < kShapes.size() ? "mark" : "mark hollow", x, y, kShapes[which % kShapes.size()], name);
}

std::string group(std::size_t style, const std::string& inside) {
  return fmt::format("<g class=\"s{}\">\n{}</g>\n", style % kStyles, inside);
}

// The upright grid of a horizontal axis, with its labels and title below.
std::string x_axis(const Chart& chart, const Mapping& x, double left, double bottom) {
  std::string out;
  for (double tick : x.ticks()) {
    out += stroke({x.at(tick), kTop, x.at(tick), bottom}, "rule");
    out += text_at(x.at(tick), bottom + 18, "middle", short_number(tick));
  }
  return out + text_at((left + kWidth - kRight) / 2, bottom + 36, "middle", chart.x.title);
}

std::string y_axis(const Mapping& y) {
  std::string out;
  for (double tick : y.ticks()) {
    out += stroke({kLeft, y.at(tick), kWidth - kRight, y.at(tick)}, "rule");
    out += text_at(kLeft - 8, y.at(tick) + 4, "end", short_number(tick));
  }
  return out;
}

std::string legend_entry(std::string_view name, std::size_t style) {
  return fmt::format(
      "<span class=\"entry s{}\"><svg aria-hidden=\"true\" width=\"26\" height=\"12\" "
      "viewBox=\"-13 -6 26 12\">{}{}</svg>{}</span>\n",
      style % kStyles, stroke({-13, 0, 13, 0}, "line"), marker(style, 0, 0, ""), escape(name));
}

std::string figure(const Chart& chart, const std::string& legend, double height,
                   const std::string& inside) {
  const std::string title = escape(chart.title);
  return fmt::format(
      "<figure>\n<figcaption>{0}</figcaption>\n{1}<svg role=\"img\" "
      "viewBox=\"0 0 {2} {3}\">\n<title>{0}</title>\n<desc>A chart of the figures {4}.</desc>\n"
      "{5}</svg>\n</figure>\n",
      title, legend, kWidth, height,
      chart.instead.empty() ? "in the tables below" : escape(chart.instead), inside);
}

std::string spread_text(const std::optional<std::pair<double, double>>& spread) {
  if (!spread) return "";
  return fmt::format(" ({} to {})", short_number(spread->first), short_number(spread->second));
}

std::string line_marks(const Chart& chart, const Line& line, const Mapping& x, const Mapping& y) {
  std::string path;
  std::string marks;
  for (const Point& point : line.points) {
    if (!shown(chart.x, point.x) || !shown(chart.y, point.y)) continue;
    const double at = x.at(point.x);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", at, y.at(point.y));
    if (point.spread && shown(chart.y, point.spread->first)) {
      marks += stroke({at, y.at(point.spread->first), at, y.at(point.spread->second)}, "spread");
    }
    marks += marker(line.style, at, y.at(point.y),
                    fmt::format("{}, {}: {}{}", line.name, short_number(point.x),
                                short_number(point.y), spread_text(point.spread)));
  }
  return group(line.style, fmt::format("<path class=\"line\" d=\"{}\"/>\n{}", path, marks));
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  for (const char& c : valid_utf8(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out +=
            static_cast<unsigned char>(c) < 0x20 && c != '\n' ? "\uFFFD" : std::string_view(&c, 1);
    }
  }
  return out;
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return "-";
  constexpr std::array<std::pair<double, std::string_view>, 3> kUnits{
      {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  for (const auto& [size, unit] : kUnits) {
    if (std::abs(value) >= size) return fmt::format("{:.3g}{}", value / size, unit);
  }
  return fmt::format("{:.3g}", value);
}

std::string line_chart(const Chart& chart, const std::vector<Line>& lines) {
  std::vector<double> xs;
  std::vector<double> ys;
  std::string legend;
  for (const Line& line : lines) {
    legend += legend_entry(line.name, line.style);
    for (const Point& point : line.points) {
      xs.push_back(point.x);
      ys.push_back(point.y);
      if (point.spread) ys.insert(ys.end(), {point.spread->first, point.spread->second});
    }
  }
  const double bottom = kTop + kPlotHeight;
  const Mapping x(chart.x, xs, kLeft + 12, kWidth - kRight - 12);
  const Mapping y(chart.y, ys, bottom, kTop);
  std::string inside = y_axis(y) + x_axis(chart, x, kLeft, bottom);
  for (const Line& line : lines) inside += line_marks(chart, line, x, y);
  Chart titled = chart;
  if (!chart.y.title.empty()) titled.title += ": " + chart.y.title;
  return figure(titled, "<p class=\"legend\">\n" + legend + "</p>\n", bottom + kAxisHeight, inside);
}

std::string bar_chart(const Chart& chart, const std::vector<Bar>& bars) {
  std::vector<double> values;
  for (const Bar& bar : bars) {
    values.push_back(bar.value);
    if (bar.spread) values.insert(values.end(), {bar.spread->first, bar.spread->second});
  }
  const double bottom = kTop + kRowHeight * static_cast<double>(bars.size());
  const double left = kNameLeft;
  const Mapping x(chart.x, values, left, kWidth - kRight - kLabelRoom);
  std::string inside = x_axis(chart, x, left, bottom);
  double middle = kTop + kRowHeight / 2;
  for (const Bar& bar : bars) {
    inside += text_at(left - 8, middle + 4, "end", side_name(bar.name));
    if (shown(chart.x, bar.value)) {
      std::string marks = fmt::format(
          "<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"18\">"
          "<title>{}: {}{}</title></rect>\n",
          left, middle - 9, std::max(1.0, x.at(bar.value) - left), escape(bar.name),
          short_number(bar.value), spread_text(bar.spread));
      double end = x.at(bar.value);
      if (bar.spread && shown(chart.x, bar.spread->first)) {
        end = std::max(end, x.at(bar.spread->second));
        marks += stroke({x.at(bar.spread->first), middle, end, middle}, "whisker");
      }
      inside += group(bar.style, marks);
      inside += text_at(end + 8, middle + 4, "start", short_number(bar.value));
    }
    middle += kRowHeight;
  }
  return figure(chart, "", bottom + kAxisHeight, inside);
}

std::string range_chart(const Chart& chart, const std::vector<Range>& ranges) {
  std::vector<double> values;
  for (const Range& range : ranges) {
    for (const Range::Mark& mark : range.marks) values.push_back(mark.value);
  }
  const double bottom = kTop + kRowHeight * static_cast<double>(ranges.size());
  const double left = kNameLeft;
  const Mapping x(chart.x, values, left + 12, kWidth - kRight - 12);
  std::string inside = x_axis(chart, x, left, bottom);
  double middle = kTop + kRowHeight / 2;
  for (const Range& range : ranges) {
    inside += text_at(left - 8, middle + 4, "end", side_name(range.name));
    std::string marks;
    std::string labels;
    double last = -1;
    double label_end = -1;
    for (const Range::Mark& mark : range.marks) {
      if (!shown(chart.x, mark.value)) continue;
      const double at = x.at(mark.value);
      if (last >= 0) marks.insert(0, stroke({last, middle, at, middle}, "line"));
      marks += marker(range.style, at, middle,
                      fmt::format("{}, {}: {}", range.name, mark.name, short_number(mark.value)));
      constexpr double kLabelWidth = 30;
      if (label_end < 0 || at - kLabelWidth / 2 > label_end) {  // not one over another
        labels += text_at(at, middle - 8, "middle", mark.name);
        label_end = at + kLabelWidth / 2;
      }
      last = at;
    }
    inside += group(range.style, marks) + "<g class=\"small\">\n" + labels + "</g>\n";
    middle += kRowHeight;
  }
  return figure(chart, "", bottom + kAxisHeight, inside);
}

}  // namespace onelane::inline v0::render
