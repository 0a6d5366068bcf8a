// A program's result as JSON: the flag --json FILE|-.
#pragma once

#include <cstdio>
#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "tools/kit/flags.h"

namespace onelane::kit {

// Adds the flag to the group that was begun last. `path` must outlive the FlagSet.
void add_json_flag(FlagSet& flags, std::optional<std::string>& path);

class JsonFile {
 public:
  // The file is opened at once, so that a wrong name costs no time. Throws UsageError.
  explicit JsonFile(std::optional<std::string> path);

  // Where text goes: stdout, unless the JSON does.
  std::FILE* text() const noexcept { return path_ == "-" ? stderr : stdout; }
  // Nothing where the flag was not given. What is no UTF-8 is replaced. Throws RunError.
  void write(const nlohmann::json& result);

 private:
  std::optional<std::string> path_;
  std::ofstream file_;
};

}  // namespace onelane::kit
