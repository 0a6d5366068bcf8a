// The style of both pages, this one's and the benchmark's report, and the script of this one. They
// are the same in every page, so that a server can allow them by their hash.
#pragma once

#include <string_view>

namespace onelane::inline v0::render {

// What stands between <style> and </style>.
std::string_view page_style() noexcept;
// What stands between <script> and </script>.
std::string_view page_script() noexcept;

}  // namespace onelane::inline v0::render
