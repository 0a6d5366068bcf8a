// How options are written: KEY=VALUE,..., and values in quotes (onelane/option_text.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "onelane/status.h"

namespace onelane::inline v0::model {

struct Setting {
  std::string name;
  std::string value;  // without quotes
};

// The pairs of "weight=4,when-full=reject"; none of an empty text.
Result<std::vector<Setting>> split_settings(std::string_view text);

// The value that begins with a quote; `text` is what follows the other quote. An error, if there is
// none.
Result<std::string> take_quoted(std::string_view& text);

// As it stands, or in quotes where it would not be read as itself, in a list or in a file.
std::string quoted_if_needed(const std::string& value);

std::string_view trimmed(std::string_view text);

}  // namespace onelane::inline v0::model
