// Numbers with units: the names of what the programs share, which here hide the library's own
// parsers of that name.
#pragma once

#include "bench/kit/errors.h"
#include "tools/kit/units.h"

namespace onelane::bench {
using kit::parse_duration;
using kit::parse_size;
}  // namespace onelane::bench
