// A file of options: KEY = VALUE under [lane] and [class NAME]. Boost's own reader of such files
// does not say which line an error is in, and takes a # in quotes for a comment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/flags/given.h"

namespace onelane::inline v0::flags {

// `name` is what errors and origins call it: "name:LINE".
Result<std::vector<Given>> read_config(std::string_view text, const std::string& name,
                                       const Names& names);

// The text of a file. An error says why there is none.
Result<std::string> text_of_file(const std::string& path);

}  // namespace onelane::inline v0::flags
