// A result as one page that needs nothing else: charts, and the tables that they are made from.
// Readable in light and dark, without scripts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace onelane::bench {

// Of the JSON of any question, as bench/README.md describes it.
std::string to_html(const nlohmann::json& result);

}  // namespace onelane::bench
