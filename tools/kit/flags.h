// The flags of one subcommand, in groups: what --help, the manual and completion show, and values
// parsed by functions that throw UsageError. Names are never guessed from a prefix.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onelane::kit {

class FlagSet {
 public:
  using Parse = std::function<void(std::string_view)>;

  struct Flag {
    std::string name;
    std::string placeholder;    // "DIR"; empty: a switch, which takes no value
    std::string default_value;  // parsed when the flag is not given; empty: there is none
    std::string help;
    Parse parse;  // of a switch: called with an empty text if it is given
    bool repeatable = false;
    std::vector<std::string> choices{};  // all that the value can be; empty: anything
  };

  struct Group {
    std::string title;
    std::vector<Flag> flags;
  };

  // An argument that is no flag.
  struct Operand {
    std::string placeholder;  // "DB"
    std::string help;         // "a database's file"
    Parse parse;
    bool required = true;
    std::vector<std::string> choices{};
  };

  explicit FlagSet(std::string usage) : usage_(std::move(usage)) {}

  // Flags added from here on belong to this group.
  void group(std::string title) { groups_.push_back({std::move(title), {}}); }
  void add(Flag flag) { groups_.back().flags.push_back(std::move(flag)); }
  // In the order in which they are given; one that is not required comes last.
  void operand(Operand operand) { operands_.push_back(std::move(operand)); }

  const std::vector<Group>& groups() const noexcept { return groups_; }
  const std::vector<Operand>& operands() const noexcept { return operands_; }

  // Parses "--name value" and "--name=value". False if --help or -h was given and printed. A
  // UsageError names the flag and what would be right.
  bool parse(const std::vector<std::string>& arguments, std::ostream& help) const;

 private:
  const Flag* find(std::string_view name) const;
  std::vector<std::string> names() const;
  void parse_operands(const std::vector<std::string>& given) const;

  std::string usage_;
  std::vector<Group> groups_;
  std::vector<Operand> operands_;
};

// A Parse that stores what `parse(text)` gives. The target must outlive the FlagSet.
template <class T, class Function>
FlagSet::Parse into(T& target, Function parse) {
  return [&target, parse](std::string_view text) { target = static_cast<T>(parse(text)); };
}

// A Parse of a switch. The target must outlive the FlagSet.
inline FlagSet::Parse on(bool& target) {
  return [&target](std::string_view) { target = true; };
}

}  // namespace onelane::kit
