#include "src/flags/resolved.h"

#include <algorithm>

#include "onelane/option_text.h"
#include "src/model/limits.h"
#include "src/model/option_fields.h"
#include "src/model/option_grammar.h"
#include "src/schedule/plan.h"

namespace onelane::inline v0::flags {

namespace {

constexpr std::string_view kProgram = "program";
constexpr std::string_view kDefault = "default";

Status programs_own(const std::string& message) {
  return wrong("the program's own options", message);
}

std::string of_class(const std::string& class_name) {
  return class_name.empty() ? std::string() : "class \"" + class_name + "\": ";
}

}  // namespace

Resolved::Resolved(JournalOptions journal, std::vector<ClassOptions> classes)
    : journal_(std::move(journal)), classes_(std::move(classes)) {}

Status Resolved::apply(std::span<const Given> source) {
  std::map<std::string, Origins> seen;
  for (const Given& given : source) {
    if (Status status = apply(given, seen[given.class_name]); !status.ok()) return status;
  }
  return {};
}

Status Resolved::apply(const Given& given, Origins& seen) {
  const auto named = [&](const ClassOptions& each) { return each.name == given.class_name; };
  const auto klass = std::find_if(classes_.begin(), classes_.end(), named);
  const bool of_journal = given.class_name.empty() || klass == classes_.end();
  const Status status = of_journal ? set_option(journal_, given.key, given.value)
                                   : set_option(*klass, given.key, given.value);
  if (!status.ok()) return wrong(given.origin, of_class(given.class_name) + status.message());

  const std::string key(of_journal ? model::find_field(journal_, given.key)->name
                                   : std::string_view(given.key));
  const auto [before, first] = seen.emplace(key, given.origin);
  if (!first) {
    return wrong(given.origin, of_class(given.class_name) + key + " is set to '" + given.value +
                                   "' and was set before, by " + before->second +
                                   "; it must be set once");
  }
  origins_[given.class_name][key] = given.origin;
  return {};
}

std::string Resolved::origin(const std::string& class_name, std::string_view key) const {
  const auto own = origins_.find(class_name);
  if (own == origins_.end()) return {};
  const auto found = own->second.find(key);
  return found == own->second.end() ? std::string() : found->second;
}

// The first of the fields that were set from outside is to blame; the others are named beside it.
template <class Options>
Status Resolved::check(const Options& options, const std::string& class_name) const {
  const auto complaint = model::complaint_of(options);
  if (!complaint) return {};
  std::string blamed;
  std::string others;
  for (const std::string_view field : complaint->fields) {
    const std::string from = origin(class_name, field);
    if (blamed.empty() && !from.empty()) {
      blamed = from;
      continue;
    }
    others += (others.empty() ? " (" : ", ") + std::string(field) + ": ";
    others += from.empty() ? kProgram : std::string_view(from);
  }
  const std::string message = of_class(class_name) + complaint->message;
  if (blamed.empty()) return programs_own(message);
  return wrong(blamed, message + (others.empty() ? "" : others + ")"));
}

Status Resolved::check() const {
  if (Status status = check(journal_, {}); !status.ok()) return status;
  if (Status status = validate(journal_); !status.ok()) return programs_own(status.message());
  return check_classes();
}

Status Resolved::check_classes() const {
  if (classes_.size() > kClassesMax) {
    return programs_own(std::to_string(classes_.size()) + " classes; it must be at most " +
                        std::to_string(kClassesMax));
  }
  for (auto each = classes_.begin(); each != classes_.end(); ++each) {
    if (Status status = model::check_class_name(each->name); !status.ok()) {
      return programs_own(status.message());
    }
    const auto same = [&](const ClassOptions& other) { return other.name == each->name; };
    if (std::any_of(classes_.begin(), each, same)) {
      return programs_own("class \"" + each->name + "\" is there twice");
    }
    if (Status status = check(*each, each->name); !status.ok()) return status;
  }
  return check_guarantees();
}

Status Resolved::check_guarantees() const {
  const Budget tick = model::tick_of(journal_);
  std::vector<schedule::Share> shares;
  std::string all;
  const auto add = [&](const std::string& name, std::string_view key, const std::string& value) {
    const std::string from = origin(name, key);
    all += (all.empty() ? "" : ", ") + (name.empty() ? "" : name + ":") + std::string(key) + "=" +
           value + (from.empty() ? "" : " (" + from + ")");
  };
  add({}, "tick.records", std::to_string(tick.records));
  add({}, "tick.bytes", size_text(tick.bytes));
  for (const ClassOptions& each : classes_) {
    shares.emplace_back().guarantee = each.guarantee;
    add(each.name, "guarantee.records", std::to_string(each.guarantee.records));
    add(each.name, "guarantee.bytes", size_text(each.guarantee.bytes));
  }
  if (schedule::guarantees_fit(tick, shares)) return {};
  return {Errc::invalid_argument,
          "the guarantees of all classes must fit a tick together: the sum of max(records / "
          "tick.records, bytes / tick.bytes) must be at most 1, with " +
              all};
}

template <class Options>
void Resolved::print_section(const Options& options, const std::string& class_name,
                             std::string& out) const {
  constexpr std::size_t kColumn = 40;
  const Options defaults;
  for (const model::Field<Options>& field : model::fields_of(options)) {
    const std::string value = field.print(options);
    std::string from = origin(class_name, field.name);
    if (from.empty()) from = value == field.print(defaults) ? kDefault : kProgram;
    std::string line = std::string(field.name) + " = " + model::quoted_if_needed(value);
    line.resize(std::max(kColumn, line.size() + 1), ' ');
    out.append(line).append("# ").append(from).append("\n");
  }
}

std::string Resolved::print(const std::string& section) const {
  std::string out = "[" + section + "]\n";
  print_section(journal_, {}, out);
  for (const ClassOptions& each : classes_) {
    out += "\n[class " + each.name + "]\n";
    print_section(each, each.name, out);
  }
  return out;
}

}  // namespace onelane::inline v0::flags
