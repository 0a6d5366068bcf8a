// The two ways in which a program gives up; main() turns them into exit codes.
#pragma once

#include <stdexcept>

namespace onelane::kit {

// A wrong flag or value; the message says what would be right.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Anything else that stops a run.
struct RunError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitThreshold = 3;

}  // namespace onelane::kit
