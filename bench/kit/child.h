// Other programs, and this one in another process: where a measurement needs a process of its own.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onelane::bench {

std::filesystem::path own_program();

// Where PATH has it.
std::optional<std::filesystem::path> find_program(std::string_view name);

// Runs a program with its arguments and gives what it wrote to stdout. Throws RunError if it cannot
// be run, or ends with anything but 0.
std::string run_child(const std::vector<std::string>& command);

}  // namespace onelane::bench
