// One snapshot from a journal's server.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/top/address.h"

namespace onelane::tools {

// What the server has at /json, as onelane::render::json writes it. Throws RunError, if nobody
// answers within seconds, or with anything else.
nlohmann::json fetch_snapshot(const Address& address);
// The same of a text. Throws RunError.
nlohmann::json parse_snapshot(const std::string& text);

}  // namespace onelane::tools
