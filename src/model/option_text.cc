#include "onelane/option_text.h"

#include <algorithm>

#include "src/base/immortal.h"
#include "src/model/option_fields.h"
#include "src/model/option_grammar.h"
#include "src/model/option_values.h"

namespace onelane::inline v0 {

namespace {

using model::Field;

template <class Options>
struct Whose;
template <>
struct Whose<ClassOptions> {
  using Other = JournalOptions;
  static constexpr std::string_view kWhose = "a class";
};
template <>
struct Whose<JournalOptions> {
  using Other = ClassOptions;
  static constexpr std::string_view kWhose = "a journal";
};

template <class Options>
std::vector<OptionField> shown_fields() {
  std::vector<OptionField> out;
  const Options defaults;
  for (const Field<Options>& field : model::fields_of(defaults)) {
    OptionField& shown = out.emplace_back();
    shown.name = field.name;
    shown.member = field.member;
    shown.unit = field.unit;
    shown.limits = field.limits();
    shown.default_value = field.print(defaults);
    shown.help = field.help;
    for (const std::string_view choice : field.choices) shown.choices.emplace_back(choice);
  }
  return out;
}

template <class Options>
Status unknown(const Options& options, std::string_view name) {
  using Other = typename Whose<Options>::Other;
  const std::string whose(Whose<Options>::kWhose);
  if (model::find_field(Other(), name) != nullptr) {
    return {Errc::invalid_argument, std::string(name) + " is an option of " +
                                        std::string(Whose<Other>::kWhose) + ", not of " + whose};
  }
  std::vector<std::string> names;
  std::string meant;
  for (const Field<Options>& field : model::fields_of(options)) {
    names.emplace_back(field.name);
    if (field.member == name) meant = field.name;  // as C++ has it
  }
  if (meant.empty()) meant = nearest(name, names);
  return {Errc::invalid_argument, "there is no option " + model::in_quotes(name) + " of " + whose +
                                      "; the nearest is " + meant};
}

template <class Options>
Status set(Options& options, std::string_view name, std::string_view value) {
  const Field<Options>* field = model::find_field(options, name);
  if (field == nullptr) return unknown(options, name);
  if (field->read(value, options)) return {};
  return {Errc::invalid_argument, std::string(field->name) + " is " + model::in_quotes(value) +
                                      "; it must be " + field->expected()};
}

template <class Options>
std::string value_of(const Options& options, std::string_view name) {
  const Field<Options>* field = model::find_field(options, name);
  return field == nullptr ? std::string() : field->print(options);
}

template <class Options>
Status set_all(Options& options, std::string_view text) {
  const Result<std::vector<model::Setting>> settings = model::split_settings(text);
  if (!settings) return settings.status();
  for (const model::Setting& setting : *settings) {
    if (Status status = set(options, setting.name, setting.value); !status.ok()) return status;
  }
  return {};
}

template <class Options>
std::string list_of(const Options& options, Shown shown) {
  const Options defaults;
  std::string text;
  for (const Field<Options>& field : model::fields_of(options)) {
    const std::string value = field.print(options);
    if (shown == Shown::changed && value == field.print(defaults)) continue;
    if (!text.empty()) text += ',';
    text += std::string(field.name) + "=" + model::quoted_if_needed(value);
  }
  return text;
}

}  // namespace

std::span<const OptionField> class_fields() {
  static const base::Immortal<std::vector<OptionField>> fields(shown_fields<ClassOptions>());
  return *fields;
}

std::span<const OptionField> journal_fields() {
  static const base::Immortal<std::vector<OptionField>> fields(shown_fields<JournalOptions>());
  return *fields;
}

Result<ClassOptions> parse_class(std::string_view text, ClassOptions start) {
  const std::size_t colon = text.find(':');
  const std::string_view name = model::trimmed(text.substr(0, colon));
  if (Status status = model::check_class_name(name); !status.ok()) {
    return Status(Errc::invalid_argument,
                  status.message() + ", and a colon before its options: peers:weight=4");
  }
  start.name = name;
  if (colon == std::string_view::npos) return start;
  const Status status = set_all(start, text.substr(colon + 1));
  if (status.ok()) return start;
  return Status(status.code(), "class \"" + start.name + "\": " + status.message());
}

Result<JournalOptions> parse_journal(std::string_view text, JournalOptions start) {
  if (Status status = set_all(start, text); !status.ok()) return status;
  return start;
}

Status set_option(ClassOptions& options, std::string_view name, std::string_view value) {
  return set(options, name, value);
}

Status set_option(JournalOptions& options, std::string_view name, std::string_view value) {
  return set(options, name, value);
}

std::string option_value(const ClassOptions& options, std::string_view name) {
  return value_of(options, name);
}

std::string option_value(const JournalOptions& options, std::string_view name) {
  return value_of(options, name);
}

std::string to_text(const ClassOptions& options, Shown shown) {
  const std::string list = list_of(options, shown);
  return list.empty() ? options.name : options.name + ":" + list;
}

std::string to_text(const JournalOptions& options, Shown shown) { return list_of(options, shown); }

}  // namespace onelane::inline v0
