// What a check found: one line each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onelane::tools {

enum class Verdict : std::uint8_t {
  ok,
  note,  // good to know; a lane works with it
  must,  // something must be done before a lane can work, or work well
};
std::string_view name(Verdict verdict) noexcept;  // "ok", "note", "must"

struct Finding {
  std::string what;   // "journal mode"
  std::string value;  // as it was found
  Verdict verdict = Verdict::ok;
  std::string advice;  // what to do about it; empty where there is nothing to do
};
using Findings = std::vector<Finding>;

inline void append(Findings& to, Findings more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace onelane::tools
