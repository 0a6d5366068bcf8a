// What a prediction takes for granted of a trace.
#pragma once

#include <string>
#include <vector>

#include "onelane/trace.h"
#include "src/tuning/samples.h"
#include "src/tuning/sources.h"

namespace onelane::inline v0::tuning {

// A sentence each, as Replay::assumptions has them.
std::vector<std::string> assumptions_of(const Trace& trace, const Sources& sources,
                                        const Samples& samples);

}  // namespace onelane::inline v0::tuning
