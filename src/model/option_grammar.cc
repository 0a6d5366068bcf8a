#include "src/model/option_grammar.h"

#include <algorithm>

#include "src/model/option_values.h"

namespace onelane::inline v0::model {

namespace {

Status wrong(const std::string& message) { return {Errc::invalid_argument, message}; }

// What stands before the next comma, which is left.
std::string_view take_part(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find(','));
  text.remove_prefix(part.size());
  return part;
}

// "KEY=", and leaves the value.
Result<std::string> take_key(std::string_view& text) {
  const std::string_view part = text.substr(0, text.find(','));
  const std::size_t equals = part.find('=');
  if (equals == std::string_view::npos) {
    return wrong(in_quotes(part) + " is no KEY=VALUE, such as weight=4");
  }
  const std::string_view key = trimmed(part.substr(0, equals));
  if (key.empty()) return wrong(in_quotes(part) + " has no key before its =; such as weight=4");
  text.remove_prefix(equals + 1);
  return std::string(key);
}

// A value, up to the comma after it.
Result<std::string> take_value(std::string_view& text) {
  if (!trimmed(text).starts_with('"')) return std::string(trimmed(take_part(text)));
  text.remove_prefix(text.find('"'));
  Result<std::string> value = take_quoted(text);
  if (!value) return value;
  const std::string_view after = trimmed(take_part(text));
  if (after.empty()) return value;
  return wrong(in_quotes(after) + " follows a quoted value; a comma must");
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r";
  const std::size_t begin = std::min(text.find_first_not_of(kSpaces), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kSpaces) + 1);
}

Result<std::string> take_quoted(std::string_view& text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    const bool escaped = text[i] == '\\' && i + 1 < text.size();
    if (escaped) ++i;
    value += escaped && text[i] == 'n' ? '\n' : text[i];
  }
  return wrong(in_quotes(text) + " begins with a quote that has no end; write \\\" for one in it");
}

std::string quoted_if_needed(const std::string& value) {
  const bool plain =
      value.find_first_of(",\"#;\n") == std::string::npos && trimmed(value).size() == value.size();
  if (plain) return value;
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + '"';
}

Result<std::vector<Setting>> split_settings(std::string_view text) {
  std::vector<Setting> settings;
  if (trimmed(text).empty()) return settings;
  while (true) {
    Result<std::string> key = take_key(text);
    if (!key) return key.status();
    Result<std::string> value = take_value(text);
    if (!value) return wrong(*key + ": " + value.status().message());
    const auto same = [&](const Setting& other) { return other.name == *key; };
    if (std::any_of(settings.begin(), settings.end(), same)) {
      return wrong(*key + " is there twice; it must be set once");
    }
    settings.push_back({std::move(*key), std::move(*value)});
    if (text.empty()) return settings;
    text.remove_prefix(1);
  }
}

}  // namespace onelane::inline v0::model
