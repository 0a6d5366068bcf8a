// The first sentences of a report.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace onelane::bench {

// What was run, on what, and who won by how much: a paragraph and a list, from the JSON result.
// Where the runs of the first two overlap, nobody has won; where there was one run, the first only
// leads.
std::string lead_html(const nlohmann::json& result);

}  // namespace onelane::bench
