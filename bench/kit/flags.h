// The flags of one subcommand, in groups: what --help prints, and values parsed by functions that
// throw UsageError. Names are never guessed from a prefix.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace onelane::bench {

class FlagSet {
 public:
  using Parse = std::function<void(std::string_view)>;

  struct Flag {
    std::string name;
    std::string placeholder;    // "DIR"
    std::string default_value;  // parsed when the flag is not given; empty: there is none
    std::string help;
    Parse parse;
    bool repeatable = false;
  };

  explicit FlagSet(std::string usage) : usage_(std::move(usage)) {}

  // Flags added from here on belong to this group.
  void group(std::string title) { groups_.push_back({std::move(title), {}}); }
  void add(Flag flag) { groups_.back().flags.push_back(std::move(flag)); }

  // Parses "--name value" and "--name=value". False if --help or -h was given and printed. A
  // UsageError names the flag and what would be right.
  bool parse(const std::vector<std::string>& arguments, std::ostream& help) const;

 private:
  struct Group {
    std::string title;
    std::vector<Flag> flags;
  };

  const Flag* find(std::string_view name) const;
  std::vector<std::string> names() const;

  std::string usage_;
  std::vector<Group> groups_;
};

// A Parse that stores what `parse(text)` gives. The target must outlive the FlagSet.
template <class T, class Function>
FlagSet::Parse into(T& target, Function parse) {
  return [&target, parse](std::string_view text) { target = static_cast<T>(parse(text)); };
}

}  // namespace onelane::bench
