// A value on its way from SQLite to PostgreSQL, in the form in which both sides are compared.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace onelane::tools {

struct Bytes {
  std::string data;
  bool operator==(const Bytes&) const = default;
};
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Bytes>;
using Row = std::vector<Value>;

// What the values of a column are; NULL is of each.
enum class Kind : std::uint8_t { integer, real, text, bytes };

struct MovedColumn {
  std::string name;    // in SQLite
  std::string plain;   // in PostgreSQL
  std::string target;  // the same in quotes
  Kind kind = Kind::text;
  bool nullable = true;
  bool boolean = false;
  // Of an integer.
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

// The order in which both sides give rows: NULL first, text and blobs by their bytes, NaN last.
// Below 0, 0 or above 0.
int compare(const Value& a, const Value& b);
// Doubles by their bits.
bool same(const Row& a, const Row& b);

// For messages: printable, and cut where it is long.
std::string shown(const Value& value);
// A name or a type, to compare it.
std::string lower(std::string text);
// 'text', as SQL writes it.
std::string sql_text(std::string_view text);
// What `text` makes of each, with commas between.
template <class Each, class Text>
std::string joined(const std::vector<Each>& all, const Text& text) {
  std::string out;
  for (const Each& each : all) {
    if (!out.empty()) out += ", ";
    out += text(each);
  }
  return out;
}
// Appends it as COPY reads it.
void append_copied(std::string& out, const Value& value);

}  // namespace onelane::tools
