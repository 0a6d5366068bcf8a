// Numbers in files of lines "LABEL NUMBER ...", as /proc and callgrind write them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace onelane::bench {

// Of the first line that begins with the label. Nothing if there is no such line, or no such file.
std::optional<std::uint64_t> labelled_number(const std::filesystem::path& file,
                                             std::string_view label);
// The same. Throws RunError, which names both, where the other gives nothing.
std::uint64_t required_number(const std::filesystem::path& file, std::string_view label);

}  // namespace onelane::bench
