// Charts as SVG, for a page: colours come from the page's classes s0 to s7, text from its font.
// Names are escaped here. Every mark says its value in a <title>, and a series is told by its shape
// as well as by its colour. A chart fits a phone as it is.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onelane::inline v0::render {

// Of text inside HTML or SVG, attributes too.
std::string escape(std::string_view text);

// "850", "12k", "1.5M", "0.25": short, for axes and labels.
std::string short_number(double value);

enum class Scale { linear, logarithmic };

struct Axis {
  std::string title;
  Scale scale = Scale::linear;  // linear includes 0; logarithmic shows values above 0 only
  std::vector<double> ticks;    // empty: chosen
};

struct Chart {
  std::string title;
  Axis x;
  Axis y{};                  // of a line chart
  std::string instead = {};  // where its figures are in words; empty: in the tables below
};

// Colours and shapes, which repeat after that many.
inline constexpr std::size_t kStyles = 8;

struct Point {
  double x = 0;
  double y = 0;
  std::optional<std::pair<double, double>> spread;  // of y
};

struct Line {
  std::string name;
  std::size_t style = 0;
  std::vector<Point> points;
};

std::string line_chart(const Chart& chart, const std::vector<Line>& lines);

struct Bar {
  std::string name;
  std::size_t style = 0;
  double value = 0;
  std::optional<std::pair<double, double>> spread;
};

// Lying bars, one below the other.
std::string bar_chart(const Chart& chart, const std::vector<Bar>& bars);

struct Range {
  struct Mark {
    std::string name;  // "p99"
    double value = 0;
  };
  std::string name;
  std::size_t style = 0;
  std::vector<Mark> marks;  // ascending
};

// Marks along a line, one line below the other: percentiles of a distribution.
std::string range_chart(const Chart& chart, const std::vector<Range>& ranges);

}  // namespace onelane::inline v0::render
