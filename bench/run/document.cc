#include "bench/run/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/kit/errors.h"
#include "onelane/option_text.h"

namespace onelane::bench::run {
namespace {

using nlohmann::json;

// Sees what the parser alone would let pass: keys that come twice, and bottomless nesting.
class Watch {
 public:
  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    if (depth > kDocumentDepthMax) {
      throw UsageError(fmt::format("is nested deeper than {} levels", kDocumentDepthMax));
    }
    if (event == json::parse_event_t::object_start) keys_.emplace_back();
    if (event == json::parse_event_t::object_end && !keys_.empty()) keys_.pop_back();
    if (event == json::parse_event_t::key && !keys_.empty()) {
      const auto key = parsed.get<std::string>();
      if (!keys_.back().insert(key).second) {
        throw UsageError(fmt::format("the key '{}' is there twice in one object", key));
      }
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

// Short enough for a message.
std::string shown(const json& value) {
  constexpr std::size_t kLongest = 60;
  if (value.is_object()) return "{...}";
  if (value.is_array()) return "[...]";
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (value.is_string()) text = text.substr(1, text.size() - 2);
  return text.size() > kLongest ? text.substr(0, kLongest) + "..." : text;
}

std::string quoted(std::initializer_list<std::string_view> names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

json parse_document(std::string_view text) {
  if (text.size() > kDocumentBytesMax) {
    throw UsageError(fmt::format("is {} long; at most {} are read", format_size(text.size()),
                                 format_size(kDocumentBytesMax)));
  }
  constexpr bool kExceptions = true;
  constexpr bool kComments = true;
  try {
    Watch watch;
    auto look = [&watch](int depth, json::parse_event_t event, const json& parsed) {
      return watch(depth, event, parsed);
    };
    return json::parse(text.begin(), text.end(), look, kExceptions, kComments);
  } catch (const json::exception& error) {
    const std::string_view what =
        error.what();  // "[json.exception.parse_error.101] parse error..."
    const std::size_t end = what.find("] ");
    throw UsageError(std::string(end == std::string_view::npos ? what : what.substr(end + 2)));
  }
}

void Part::wrong(std::string_view what) const {
  const std::string value = what.starts_with("is ") ? fmt::format("'{}' ", shown(*value_)) : "";
  throw UsageError(fmt::format("{}{}{}{}", path_, path_.empty() ? "" : ": ", value, what));
}

void Part::keys(std::initializer_list<std::string_view> allowed) const {
  if (!value_->is_object()) wrong("is no object: { \"key\": value, ... }");
  const std::vector<std::string> names(allowed.begin(), allowed.end());
  for (const auto& [key, value] : value_->items()) {
    if (std::find(names.begin(), names.end(), key) != names.end()) continue;
    wrong(fmt::format("there is no key '{}' here; the nearest is '{}', of {}", shown(json(key)),
                      nearest(key, names), quoted(allowed)));
  }
}

bool Part::has(std::string_view key) const {
  return value_->is_object() && value_->contains(std::string(key));
}

Part Part::at(std::string_view key) const {
  if (!has(key)) wrong(fmt::format("the key '{}' is missing", key));
  return {value_->at(std::string(key)), path_ + (path_.empty() ? "" : ".") + std::string(key)};
}

std::vector<Part> Part::list(Between<std::size_t> size) const {
  if (!value_->is_array()) wrong("is no list: [ ... ]");
  if (value_->size() < size.least || value_->size() > size.most) {
    wrong(fmt::format("has {} elements; it must have {} to {}", value_->size(), size.least,
                      size.most));
  }
  std::vector<Part> parts;
  for (std::size_t i = 0; i < value_->size(); ++i) {
    parts.emplace_back((*value_)[i], fmt::format("{}[{}]", path_, i));
  }
  return parts;
}

std::string Part::text(std::size_t bytes_max) const {
  if (!value_->is_string()) wrong("is no text: \"...\"");
  const auto& text = value_->get_ref<const std::string&>();
  if (text.empty()) wrong("is an empty text");
  if (text.size() > bytes_max) wrong(fmt::format("is longer than {} bytes", bytes_max));
  if (text.find('\0') != std::string::npos) wrong("is a text with a zero byte");
  return text;
}

template <class T>
T Part::within(T value, Between<T> range, std::string_view limits) const {
  if (value < range.least || value > range.most) wrong(fmt::format("is not between {}", limits));
  return value;
}

std::uint64_t Part::count(Between<std::uint64_t> range) const {
  const std::string limits = fmt::format("{} and {}", range.least, range.most);
  if (!value_->is_number_unsigned()) wrong("is no whole number between " + limits);
  return within(value_->get<std::uint64_t>(), range, limits);
}

double Part::number(Between<double> range) const {
  const std::string limits = fmt::format("{} and {}", range.least, range.most);
  if (!value_->is_number()) wrong("is no number between " + limits);
  return within(value_->get<double>(), range, limits);
}

Nanoseconds Part::time(Between<Nanoseconds> range) const {
  const std::string limits =
      fmt::format("{} and {}", format_duration(range.least), format_duration(range.most));
  const bool zero = value_->is_number() && *value_ == 0;
  const Result<Duration> time = onelane::parse_duration(
      value_->is_string() ? value_->get_ref<const std::string&>() : (zero ? "0" : ""));
  if (!time) wrong("is no time, such as \"5ms\", between " + limits);
  return within(Nanoseconds(*time), range, limits);
}

std::uint64_t Part::size(Between<std::uint64_t> range) const {
  const std::string limits =
      fmt::format("{} and {}", format_size(range.least), format_size(range.most));
  if (value_->is_number_unsigned()) return within(value_->get<std::uint64_t>(), range, limits);
  const Result<std::uint64_t> size =
      onelane::parse_size(value_->is_string() ? value_->get_ref<const std::string&>() : "");
  if (!size) wrong("is no size, such as \"64KiB\", between " + limits);
  return within(*size, range, limits);
}

std::size_t Part::choice(std::initializer_list<std::string_view> names) const {
  if (value_->is_string()) {
    const auto& text = value_->get_ref<const std::string&>();
    const auto* found = std::find(names.begin(), names.end(), text);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  }
  wrong("is none of " + quoted(names));
}

bool Part::is_list() const { return value_->is_array(); }
bool Part::is_text() const { return value_->is_string(); }

}  // namespace onelane::bench::run
