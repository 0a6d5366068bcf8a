// How the values of options are read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "onelane/clock.h"

namespace onelane::inline v0::model {

// As onelane/option_text.h has them; nullopt for anything else.
std::optional<std::uint64_t> read_count(std::string_view text);
std::optional<std::uint64_t> read_size(std::string_view text);
std::optional<Duration> read_duration(std::string_view text);

// As messages show what somebody wrote: in quotes, and not all of it if it is long.
std::string in_quotes(std::string_view text);

}  // namespace onelane::inline v0::model
