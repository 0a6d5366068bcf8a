// The body of a page about the storm: strategies and the classes in them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace onelane::bench {

std::string storm_html(const nlohmann::json& result);

}  // namespace onelane::bench
