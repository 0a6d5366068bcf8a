// The command line of the programs that prove: "--name value" pairs, numbers and words.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace onelane::prove {

class Flags {
 public:
  Flags(int argc, char** argv) : program_(argv[0]) {
    for (int i = 1; i < argc; ++i) {
      const std::string name = argv[i];
      if (!name.starts_with("--") || i + 1 == argc) fail(name);
      values_[name.substr(2)] = argv[++i];
    }
  }

  std::string text(const std::string& name, const std::string& otherwise) {
    asked_.insert(name);
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  std::uint64_t number(const std::string& name, std::uint64_t otherwise) {
    const std::string given = text(name, std::to_string(otherwise));
    char* end = nullptr;
    const std::uint64_t value = std::strtoull(given.c_str(), &end, 10);
    if (end == given.c_str() || *end != '\0') fail("--" + name + " " + given);
    return value;
  }
  // Null if it is not given.
  std::optional<std::uint64_t> number(const std::string& name) {
    if (text(name, {}).empty()) return std::nullopt;
    return number(name, 0);
  }
  // Call it last: ends the program if a flag was given that no call has named.
  void check() const {
    for (const auto& [name, value] : values_) {
      if (!asked_.contains(name)) fail("--" + name);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    std::fprintf(stderr, "%s: cannot be read: %s\n", program_.c_str(), what.c_str());
    std::exit(2);
  }

  const std::string program_;
  std::map<std::string, std::string> values_;
  std::set<std::string> asked_;
};

// Defined by each program: prints what it found and returns the exit code.
int prove(Flags& flags);

}  // namespace onelane::prove
