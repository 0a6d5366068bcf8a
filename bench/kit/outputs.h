// Where a result goes besides the terminal, and what it is held against: --json, --csv, --html,
// --fail-if.
#pragma once

#include <cstdio>
#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/kit/errors.h"
#include "bench/kit/fail_if.h"
#include "tools/kit/flags.h"

namespace onelane::bench {

struct OutputOptions {
  std::optional<std::string> json;  // "-": stdout
  std::optional<std::string> csv;
  std::optional<std::string> html;
  std::vector<FailIf> fail_if;
};

// The group "Output". The options must outlive the FlagSet.
void add_output_flags(FlagSet& flags, OutputOptions& options);

// Files are opened, and conditions held against a result without runs, before anything is measured,
// so that a wrong name costs no time. The options must outlive it.
class Outputs {
 public:
  Outputs(const OutputOptions& options, const nlohmann::json& empty_result);  // throws UsageError

  // Where tables go: stdout, unless the JSON does.
  std::FILE* text() const noexcept { return options_.json == "-" ? stderr : stdout; }

  // With whether the run was interrupted. Throws RunError.
  void write(nlohmann::json result);
  // The exit code; says on stderr which conditions hold. An interrupted run is not held against
  // them, since they are about whole results.
  int judge(const nlohmann::json& result) const;

 private:
  const OutputOptions& options_;
  std::ofstream json_;
  std::ofstream csv_;
  std::ofstream html_;
};

}  // namespace onelane::bench
