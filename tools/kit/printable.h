// Text from elsewhere (names, paths, messages) made fit for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace onelane::kit {

// The same text, with what could steer a terminal or hide what stands there as \x1b or \u202e:
// control characters, what is no UTF-8, and what changes the direction of writing.
std::string printable(std::string_view text);

bool is_utf8(std::string_view text);

// How many columns it takes, at one a character. Of printable text.
std::size_t columns(std::string_view text) noexcept;
// The first so many columns of it, with "~" as the last where more would follow.
std::string clipped(std::string_view text, std::size_t columns);

struct Margins {
  std::size_t indent = 0;     // before each line but the first
  std::size_t columns = 100;  // where a line ends
};
// Broken into lines between words, as far as they fit.
std::string wrapped(std::string_view text, const Margins& margins);

}  // namespace onelane::kit
