#include "tools/move/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>

#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

constexpr std::size_t kShownColumns = 40;
constexpr char kDigits[] = "0123456789abcdef";

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int order(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return order(std::isnan(a), std::isnan(b));
  return a < b ? -1 : b < a ? 1 : 0;
}

int order(const std::string& a, const std::string& b) { return a.compare(b); }
int order(const Bytes& a, const Bytes& b) { return a.data.compare(b.data); }
int order(std::monostate /*a*/, std::monostate /*b*/) { return 0; }

bool same(const Value& a, const Value& b) {
  const auto* x = std::get_if<double>(&a);
  const auto* y = std::get_if<double>(&b);
  if (x == nullptr || y == nullptr) return a == b;
  return std::bit_cast<std::uint64_t>(*x) == std::bit_cast<std::uint64_t>(*y);
}

void append_hex(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xFU];
  }
}

// What COPY's text format does not take as it stands.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace

int compare(const Value& a, const Value& b) {
  if (a.index() != b.index()) return order(a.index(), b.index());
  return std::visit(
      [&b](const auto& value) {
        return order(value, *std::get_if<std::decay_t<decltype(value)>>(&b));
      },
      a);
}

bool same(const Row& a, const Row& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same(a[i], b[i])) return false;
  }
  return true;
}

std::string shown(const Value& value) {
  struct Show {
    std::string operator()(std::monostate /*null*/) const { return "NULL"; }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(const std::string& text) const {
      return "'" + kit::clipped(kit::printable(text), kShownColumns) + "'";
    }
    std::string operator()(const Bytes& bytes) const {
      std::string out = "x'";
      append_hex(out, std::string_view(bytes.data).substr(0, kShownColumns / 2));
      return out + (bytes.data.size() > kShownColumns / 2 ? "~'" : "'");
    }
  };
  return std::visit(Show(), value);
}

void append_copied(std::string& out, const Value& value) {
  struct Append {
    std::string& out;
    void operator()(std::monostate /*null*/) const { out += "\\N"; }
    void operator()(std::int64_t number) const {
      fmt::format_to(std::back_inserter(out), "{}", number);
    }
    void operator()(double number) const {  // the shortest text that is this number
      if (std::isinf(number)) {
        out += number < 0 ? "-Infinity" : "Infinity";
      } else {
        fmt::format_to(std::back_inserter(out), "{}", number);
      }
    }
    void operator()(const std::string& text) const { append_escaped(out, text); }
    void operator()(const Bytes& bytes) const {
      out += "\\\\x";
      append_hex(out, bytes.data);
    }
  };
  std::visit(Append{out}, value);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string sql_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + '\'';
}

}  // namespace onelane::tools
