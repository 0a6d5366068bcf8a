// The flag --class, and what the classes are without it.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "bench/storm/workload.h"
#include "onelane/options.h"

namespace onelane::bench::storm {

using Classes = std::array<ClassOptions, kSources>;  // indexed by Source

Classes default_classes();

// What can be set of a class: "guarantee-records, ...".
std::string class_key_names();

// "connect:weight=4,max-delay=5ms" changes that class. Throws UsageError.
void apply_class(std::string_view text, Classes& classes);

}  // namespace onelane::bench::storm
