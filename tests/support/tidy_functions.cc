// The rules about functions and classes. They read code with a small parser of declarations: enough
// for this house's C++, as clang-format sets it.
#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "tests/support/tidy_rules.h"

namespace onelane::tidy {
namespace {

constexpr std::size_t kParametersMax = 4;
constexpr std::size_t kFunctionsMax = 30;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string finding(const File& file, std::string_view code, std::size_t at,
                    const std::string& what) {
  const auto line =
      1 + std::count(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  return file.path + ":" + std::to_string(line) + ": " + what;
}

// The code without preprocessor lines: a macro is no declaration.
std::string plain_code(const File& file) {
  std::string code = code_of(file.text);
  bool directive = false;
  for (std::size_t at = 0; at < code.size();) {
    const std::size_t end = std::min(code.find('\n', at), code.size());
    const std::string_view line = trimmed(std::string_view(code).substr(at, end - at));
    directive = directive || line.starts_with('#');
    const bool continued = directive && line.ends_with('\\');
    if (directive)
      std::fill(code.begin() + static_cast<std::ptrdiff_t>(at),
                code.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    directive = continued;
    at = end + 1;
  }
  return code;
}

// Where the bracket that opens at `open` is closed again; the text's end if it is not.
std::size_t closing(std::string_view code, std::size_t open) {
  const char opening = code[open];
  const char closing = opening == '(' ? ')' : opening == '{' ? '}' : opening == '<' ? '>' : ']';
  std::size_t depth = 0;
  for (std::size_t at = open; at < code.size(); ++at) {
    depth += code[at] == opening;
    depth -= code[at] == closing;
    if (depth == 0) return at;
  }
  return code.size();
}

// A '<' that opens template arguments stands right behind a name; as an operator it has spaces.
bool opens_arguments(std::string_view code, std::size_t at) {
  return code[at] == '<' && at > 0 && is_word(code[at - 1]) && at + 1 < code.size() &&
         !is_space(code[at + 1]) && code[at + 1] != '<' && code[at + 1] != '=';
}

// Split at the commas that are in no bracket.
std::vector<std::string_view> parts_of(std::string_view list) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < list.size(); ++at) {
    const char c = list[at];
    if (c == '(' || c == '{' || c == '[' || opens_arguments(list, at)) {
      at = std::min(closing(list, at), list.size() - 1);
    } else if (c == ',') {
      parts.push_back(trimmed(list.substr(begin, at - begin)));
      begin = at + 1;
    }
  }
  const auto last = trimmed(list.substr(begin));
  if (!last.empty()) parts.push_back(last);
  return parts;
}

// "const Budget& tick", "int", "char*", "std::span<const Unit> units = {}": a type, and perhaps a
// name. An argument is an expression: its '*' and '&' have a space before them.
bool is_parameter(std::string_view part) {
  constexpr std::array<std::string_view, 8> kTypes = {"int",  "unsigned", "char",   "bool",
                                                      "long", "double",   "size_t", "auto"};
  part = trimmed(part.substr(0, part.find(" =")));
  if (part.starts_with("co_await ") || part.starts_with("new ")) return false;
  if (std::find(kTypes.begin(), kTypes.end(), part) != kTypes.end()) return true;
  if (part.empty()) return false;
  std::size_t at = part.size();
  while (at > 0 && is_word(part[at - 1])) --at;
  if (at == 0) return false;
  if (at == part.size()) return part.back() == '*' || part.back() == '&';
  if (!is_space(part[at - 1])) return false;
  const auto type = trimmed(part.substr(0, at));
  if (type.empty()) return false;
  if (is_word(type.back())) return true;
  const bool glued = type.size() > 1 && !is_space(type[type.size() - 2]);
  return glued && (type.back() == '*' || type.back() == '&' || type.back() == '>');
}

// SQLite gives the signatures of its virtual file systems' methods and of its callbacks: they begin
// with its handle, or with the void* that SQLite hands back to a callback.
bool signature_of_sqlite(const File& file, std::string_view first) {
  constexpr std::array<std::string_view, 4> kGiven = {"sqlite3_vfs*", "sqlite3_file*",
                                                      "sqlite3_context*", "void*"};
  if (!file.path.starts_with("src/sqlite/")) return false;
  return std::any_of(kGiven.begin(), kGiven.end(),
                     [&](std::string_view type) { return first.starts_with(type); });
}

// --- Classes.

struct Body {
  std::string name;
  std::size_t open;  // its '{'
};

// What is declared by a class of this head, "class Core final : public Base", or nothing.
std::optional<std::string> class_name(std::string_view head) {
  for (const std::string_view key : {"class ", "struct "}) {
    if (!head.starts_with(key)) continue;
    head = trimmed(head.substr(key.size()));
    if (head.starts_with("alignas(")) head = trimmed(head.substr(closing(head, 7) + 1));
    std::size_t end = 0;
    while (end < head.size() && (is_word(head[end]) || head[end] == ':')) ++end;
    return std::string(trimmed(head.substr(0, end)));
  }
  return std::nullopt;
}

std::vector<Body> classes_of(std::string_view code) {
  std::vector<Body> bodies;
  for (std::size_t at = 0; at < code.size(); ++at) {
    const bool key =
        code.substr(at).starts_with("class ") || code.substr(at).starts_with("struct ");
    if (!key || (at > 0 && !is_space(code[at - 1]))) continue;
    if (at > 4 && trimmed(code.substr(at - 5, 5)) == "enum") continue;
    const std::size_t end = code.find_first_of("{;()=", at);
    const auto name = class_name(code.substr(at, end == std::string_view::npos ? 0 : end - at));
    if (end != std::string_view::npos && code[end] == '{' && name) bodies.push_back({*name, end});
  }
  return bodies;
}

// A member declaration up to its ';' or body: whether it declares a function that has a body or
// gets one elsewhere.
bool declares_function(std::string_view member) {
  for (const std::string_view label : {"public:", "protected:", "private:"}) {
    if (member.starts_with(label)) member = trimmed(member.substr(label.size()));
  }
  for (const std::string_view other :
       {"using ", "friend ", "typedef ", "static_assert", "class ", "struct ", "enum ", "union "}) {
    if (member.starts_with(other)) return false;
  }
  if (member.ends_with("= default") || member.ends_with("= delete")) return false;
  if (member.find("operator") != std::string_view::npos) return true;
  for (std::size_t at = 0; at < member.size(); ++at) {
    if (opens_arguments(member, at)) {
      at = closing(member, at);
    } else if (member.substr(at).starts_with("alignas(")) {
      at = closing(member, at + 7);
    } else if (member[at] == '=' || member[at] == '{') {
      return false;
    } else if (member[at] == '(') {
      return true;
    }
  }
  return false;
}

// Counts declarations between the braces, and skips the bodies of functions and nested classes.
std::size_t functions_in(std::string_view code, std::size_t open) {
  const std::size_t end = closing(code, open);
  std::size_t functions = 0;
  std::size_t begin = open + 1;
  for (std::size_t at = begin; at < end; ++at) {
    if (code[at] == '(') at = closing(code, at);
    if (code[at] == ';') {
      functions += declares_function(trimmed(code.substr(begin, at - begin)));
      begin = at + 1;
    } else if (code[at] == '{') {
      const bool function = declares_function(trimmed(code.substr(begin, at - begin)));
      at = closing(code, at);
      // A function's body ends it; behind an initializer or a class a ';' does.
      if (function && code.substr(at + 1, 1) != ";" && code.substr(at + 1, 1) != ",") {
        ++functions;
        begin = at + 1;
      }
    }
  }
  return functions;
}

}  // namespace

Findings parameters(const File& file) {
  if (!file.path.starts_with("src/") && !file.path.starts_with("include/")) return {};
  const std::string code = plain_code(file);
  Findings findings;
  for (std::size_t at = code.find('('); at != std::string::npos; at = code.find('(', at + 1)) {
    const std::size_t end = closing(code, at);
    if (end == code.size()) break;
    const auto parts = parts_of(std::string_view(code).substr(at + 1, end - at - 1));
    if (parts.size() <= kParametersMax || !std::all_of(parts.begin(), parts.end(), is_parameter)) {
      continue;
    }
    if (signature_of_sqlite(file, parts.front())) continue;
    findings.push_back(finding(file, code, at,
                               std::to_string(parts.size()) + " parameters, more than " +
                                   std::to_string(kParametersMax) + ": make them a struct"));
  }
  return findings;
}

Findings class_size(const File& file) {
  if (!file.path.starts_with("src/engine/")) return {};
  const std::string code = plain_code(file);
  Findings findings;
  for (const Body& body : classes_of(code)) {
    const std::size_t functions = functions_in(code, body.open);
    if (functions <= kFunctionsMax) continue;
    findings.push_back(finding(file, code, body.open,
                               body.name + " has " + std::to_string(functions) +
                                   " functions, more than " + std::to_string(kFunctionsMax)));
  }
  return findings;
}

}  // namespace onelane::tidy
