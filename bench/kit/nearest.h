// Which of several names somebody may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace onelane::bench {

// The one with the least edits, or that goes on where `name` ends; the first of several. There must
// be one.
std::string nearest(std::string_view name, const std::vector<std::string>& names);

}  // namespace onelane::bench
