// A result of trials as CSV, one line for each case, contestant, figure and run:
//
//   question,case,contestant,figure,run,value
//   callers,t16,onelane,per_s,1,20814.7
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace onelane::bench {

std::string to_csv(const nlohmann::json& result);

}  // namespace onelane::bench
