// The one table of what can be set of a class and of a journal. From it come the texts of
// onelane/option_text.h, the limits and messages of validate(), and the documentation.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/option_text.h"

namespace onelane::inline v0::model {

// One option of ClassOptions or JournalOptions.
template <class Options>
struct Field {
  std::string_view name;  // as OptionField has it
  std::string_view member;
  std::string_view help;
  std::string_view unit;
  std::span<const std::string_view> choices;
  std::string (*limits)();
  std::string (*expected)();  // limits with the kind of value and an example
  // False, and nothing is changed, for a text of another kind or outside the limits.
  bool (*read)(std::string_view text, Options& options);
  std::string (*print)(const Options& options);
  bool (*allowed)(const Options& options);
};

using ClassField = Field<ClassOptions>;
using JournalField = Field<JournalOptions>;

// Which of the two tables it is, is said by the options.
std::span<const ClassField> fields_of(const ClassOptions& options);
std::span<const JournalField> fields_of(const JournalOptions& options);

// A short name for an option, in every text: "tick" is tick.hold.
inline constexpr std::string_view kTickAlias = "tick";
inline constexpr std::string_view kTickAliasFor = "tick.hold";

// Null if there is none of that name.
const ClassField* find_field(const ClassOptions& options, std::string_view name);
const JournalField* find_field(const JournalOptions& options, std::string_view name);

// What is wrong with options, and the fields that have to do with it.
struct Complaint {
  std::vector<std::string_view> fields;
  std::string message;
};

// The first thing that is wrong with what the table has: a value outside its limits, or two that do
// not go together. The name of a class is not looked at.
std::optional<Complaint> complaint_of(const ClassOptions& options);
std::optional<Complaint> complaint_of(const JournalOptions& options);

// ok, or what is wrong with a class's name.
Status check_class_name(std::string_view name);

}  // namespace onelane::inline v0::model
