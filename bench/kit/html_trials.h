// The body of a page about trials: cases and the contestants in them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace onelane::bench {

std::string trials_html(const nlohmann::json& result);

}  // namespace onelane::bench
