// The lane's options, each with where it came from.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/flags.h"
#include "src/flags/given.h"

namespace onelane::inline v0::flags {

class Resolved {
 public:
  Resolved(JournalOptions journal, std::vector<ClassOptions> classes);

  // One source's; later ones win over earlier ones. An error names the origin; an option that the
  // source sets twice is one.
  Status apply(std::span<const Given> source);

  // Of each by itself and of all together.
  Status check() const;

  const JournalOptions& journal() const noexcept { return journal_; }
  const std::vector<ClassOptions>& classes() const noexcept { return classes_; }
  std::string print(const std::string& section) const;

 private:
  // By the option's key; what is not there is the program's own. One for the journal, and one for
  // each class.
  using Origins = std::map<std::string, std::string, std::less<>>;

  Status apply(const Given& given, Origins& seen);
  Status check_classes() const;
  Status check_guarantees() const;
  std::string origin(const std::string& class_name, std::string_view key) const;
  template <class Options>
  Status check(const Options& options, const std::string& class_name) const;
  template <class Options>
  void print_section(const Options& options, const std::string& class_name, std::string& out) const;

  JournalOptions journal_;
  std::vector<ClassOptions> classes_;
  std::map<std::string, Origins> origins_;  // by class; the journal's by ""
};

}  // namespace onelane::inline v0::flags
