// How a benchmark gives up, as every program of the house does; and the names of what they share,
// for this one without their namespace.
#pragma once

#include "tools/kit/errors.h"

namespace onelane::bench {
using namespace kit;
}
