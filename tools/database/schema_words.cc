#include "tools/database/schema_words.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace onelane::tools {
namespace {

bool word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & '\x80') != 0;
}

// Behind the quoted text or comment that begins here; `at` itself where none does.
std::size_t behind_unread(std::string_view sql, std::size_t at) {
  const auto behind = [&sql](std::string_view end, std::size_t from) {
    const auto found = sql.find(end, from);
    return found == std::string_view::npos ? sql.size() : found + end.size();
  };
  const std::string_view rest = sql.substr(at);
  if (rest.starts_with("--")) return behind("\n", at);
  if (rest.starts_with("/*")) return behind("*/", at + 2);
  if (rest.starts_with('[')) return behind("]", at);
  const char c = rest.front();
  if (c == '\'' || c == '"' || c == '`') return behind(std::string_view(&rest.front(), 1), at + 1);
  return at;
}

// The next word in capitals, and `at` behind it; empty at the end.
std::string next_word(std::string_view sql, std::size_t& at) {
  while (at < sql.size() && !word_character(sql[at])) {
    const std::size_t behind = behind_unread(sql, at);
    at = behind == at ? at + 1 : behind;
  }
  std::string word;
  for (; at < sql.size() && word_character(sql[at]); ++at) {
    word += static_cast<char>(std::toupper(static_cast<unsigned char>(sql[at])));
  }
  return word;
}

}  // namespace

bool undoes_more_or_less(std::string_view sql) {
  std::size_t at = 0;
  std::string before;
  for (std::string word = next_word(sql, at); !word.empty(); word = next_word(sql, at)) {
    const bool far = word == "ROLLBACK" || word == "FAIL";
    if (far && (before == "CONFLICT" || before == "OR" || before == "RAISE")) return true;
    before = std::move(word);
  }
  return false;
}

}  // namespace onelane::tools
