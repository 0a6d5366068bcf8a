#include "src/flags/environment.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "onelane/option_text.h"
#include "src/model/option_fields.h"

namespace onelane::inline v0::flags {

namespace {

// What a variable sets.
struct Target {
  std::string class_name;
  std::string key;  // of the journal
  bool config = false;
};

// "tick.hold" is TICK_HOLD.
std::string variable_of(std::string_view name) {
  std::string out = in_capitals(name);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return out;
}

// By name. Two classes can have one, "a-b" and "a_b".
using Targets = std::multimap<std::string, Target>;

Targets targets_of(const Names& names) {
  const std::string& prefix = names.environment;
  Targets out;
  for (const OptionField& field : journal_fields()) {
    out.insert({prefix + variable_of(field.name), {{}, field.name}});
  }
  out.insert({prefix + variable_of(model::kTickAlias), {{}, std::string(model::kTickAlias)}});
  out.insert({prefix + "CONFIG", {{}, {}, true}});
  for (const std::string& each : names.classes) {
    out.insert({prefix + "CLASS_" + variable_of(each), {each, {}}});
  }
  return out;
}

Status no_such_variable(const std::string& name, const Targets& targets) {
  std::vector<std::string> names;
  for (const auto& [each, target] : targets) names.push_back(each);
  return wrong(name, "there is no such variable; the nearest is " + nearest(name, names));
}

Status add_variable(const std::string& name, const std::string& value, const Targets& targets,
                    Environment& out) {
  const auto [first, last] = targets.equal_range(name);
  if (first == last) return no_such_variable(name, targets);
  const Target& target = first->second;
  if (std::next(first) != last) {
    return wrong(name, "it could be class " + target.class_name + " or " +
                           std::next(first)->second.class_name + "; set them by flags or a file");
  }
  if (target.config) {
    out.config = value;
    out.config_variable = name;
    return {};
  }
  if (!target.class_name.empty()) {
    return add_settings({target.class_name, {}, value, name}, out.given);
  }
  out.given.push_back({{}, target.key, value, name});
  return {};
}

}  // namespace

Result<Environment> read_environment(const std::vector<std::string>& variables,
                                     const Names& names) {
  Environment out;
  if (names.environment.empty()) return out;
  const Targets targets = targets_of(names);
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos || !variable.starts_with(names.environment)) continue;
    const Status status =
        add_variable(variable.substr(0, equals), variable.substr(equals + 1), targets, out);
    if (!status.ok()) return status;
  }
  return out;
}

std::vector<std::string> variables_of_process() {
  std::vector<std::string> out;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) out.emplace_back(*each);
  return out;
}

}  // namespace onelane::inline v0::flags
