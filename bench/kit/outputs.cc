#include "bench/kit/outputs.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "bench/kit/csv.h"
#include "bench/kit/errors.h"
#include "bench/kit/html.h"
#include "tools/kit/interrupt.h"

namespace onelane::bench {

using nlohmann::json;

namespace {

// None where there is no path, or it is "-".
std::ofstream open_output(std::string_view flag, const std::optional<std::string>& path) {
  std::ofstream file;
  if (!path || *path == "-") return file;
  file.open(*path);
  if (!file) throw UsageError(fmt::format("--{}: cannot write to {}", flag, *path));
  return file;
}

void write_output(std::ofstream& file, const std::optional<std::string>& path,
                  const std::string& text) {
  if (file.is_open() && !(file << text << std::flush)) {
    throw RunError(fmt::format("cannot write to {}", *path));
  }
}

}  // namespace

void add_output_flags(FlagSet& flags, OutputOptions& o) {
  flags.group("Output");
  flags.add({"json", "FILE|-", "",
             "the result as JSON into a file; -: to stdout, and the tables to stderr",
             [&o](std::string_view text) { o.json = std::string(text); }});
  flags.add({"csv", "FILE", "", "a line for each case, contestant, figure and run into a file",
             [&o](std::string_view text) { o.csv = std::string(text); }});
  flags.add({"html", "FILE", "", "the result as one page with charts into a file",
             [&o](std::string_view text) { o.html = std::string(text); }});
  flags.add(
      {"fail-if", "EXPR", "",
       "end with 3 if this holds of the JSON (bench/README.md has the paths); may be repeated",
       [&o](std::string_view text) { o.fail_if.emplace_back(text); }, true});
}

Outputs::Outputs(const OutputOptions& options, const json& empty_result) : options_(options) {
  for (const FailIf& condition : options.fail_if) {
    try {
      condition.check_paths(empty_result);
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("--fail-if: {}", error.what()));
    }
  }
  json_ = open_output("json", options.json);
  csv_ = open_output("csv", options.csv);
  html_ = open_output("html", options.html);
}

void Outputs::write(json result) {
  result["interrupted"] = interrupted();
  if (interrupted()) {
    fmt::print(text(), "\ninterrupted by {}: the figures are of what ran until then\n",
               interrupted_by());
  }
  if (options_.json == "-") fmt::print("{}\n", result.dump(2));
  write_output(json_, options_.json, result.dump(2) + "\n");
  write_output(csv_, options_.csv, to_csv(result));
  write_output(html_, options_.html, to_html(result));
}

int Outputs::judge(const json& result) const {
  return interrupted() ? interrupted_code() : hold_against(options_.fail_if, result);
}

}  // namespace onelane::bench
