#include "bench/kit/labelled.h"

#include <fmt/format.h>

#include <fstream>
#include <string>

#include "bench/kit/errors.h"

namespace onelane::bench {

std::optional<std::uint64_t> labelled_number(const std::filesystem::path& file,
                                             std::string_view label) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(label)) return std::stoull(line.substr(label.size()));
  }
  return std::nullopt;
}

std::uint64_t required_number(const std::filesystem::path& file, std::string_view label) {
  if (const auto number = labelled_number(file, label)) return *number;
  throw RunError(fmt::format("{} does not say {}", file.string(), label));
}

}  // namespace onelane::bench
