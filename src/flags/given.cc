#include "src/flags/given.h"

#include <algorithm>

#include "onelane/option_text.h"
#include "src/model/option_grammar.h"
#include "src/model/option_values.h"

namespace onelane::inline v0::flags {

Status wrong(const std::string& origin, const std::string& message) {
  return {Errc::invalid_argument, origin + ": " + message};
}

std::string in_capitals(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

Status check_class(const std::string& class_name, const Names& names) {
  const auto& all = names.classes;
  if (std::find(all.begin(), all.end(), class_name) != all.end()) return {};
  std::string message = "there is no class " + model::in_quotes(class_name);
  if (all.empty()) return {Errc::invalid_argument, message + "; the program has none"};
  message += "; the nearest is " + nearest(class_name, all) + ", of";
  for (const std::string& each : all) message += (&each == &all.front() ? " " : ", ") + each;
  return {Errc::invalid_argument, message};
}

Status add_settings(const Given& list, std::vector<Given>& out) {
  Result<std::vector<model::Setting>> settings = model::split_settings(list.value);
  if (!settings) {
    return wrong(list.origin, "class \"" + list.class_name + "\": " + settings.status().message());
  }
  for (model::Setting& each : *settings) {
    out.push_back({list.class_name, std::move(each.name), std::move(each.value), list.origin});
  }
  return {};
}

}  // namespace onelane::inline v0::flags
