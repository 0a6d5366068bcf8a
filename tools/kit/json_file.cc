#include "tools/kit/json_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "tools/kit/errors.h"

namespace onelane::kit {

void add_json_flag(FlagSet& flags, std::optional<std::string>& path) {
  flags.add({.name = "json",
             .placeholder = "FILE|-",
             .default_value = "",
             .help = "the result as JSON into a file; -: to stdout, and the text to stderr",
             .parse = [&path](std::string_view text) { path = std::string(text); }});
}

JsonFile::JsonFile(std::optional<std::string> path) : path_(std::move(path)) {
  if (!path_ || path_ == "-") return;
  file_.open(*path_);
  if (!file_) throw UsageError(fmt::format("--json: cannot write to '{}'", *path_));
}

void JsonFile::write(const nlohmann::json& result) {
  if (!path_) return;
  const std::string text =
      result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (path_ == "-") {
    fmt::print("{}", text);
  } else if (!(file_ << text << std::flush)) {
    throw RunError(fmt::format("cannot write to '{}'", *path_));
  }
}

}  // namespace onelane::kit
