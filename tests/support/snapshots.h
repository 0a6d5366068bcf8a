// Snapshots made by hand, for what looks at them.
#pragma once

#include <chrono>
#include <string>

#include "onelane/stats.h"

namespace onelane::test {

// Class 0 "blobs" holds the lane for 71 % of the last minute; class 1 "connect" waits behind it.
// Both have a timeline, call sites, slow ticks and units; the log and the disk have figures.
JournalStats busy_snapshot();

// As many classes and call sites, each with histograms that are not empty.
JournalStats large_snapshot(std::size_t classes, std::size_t call_sites);

// Every text in it is `text`: names, labels, causes.
JournalStats hostile_snapshot(const std::string& text);

// `count` values between `least` and ten times that, evenly on a logarithmic scale.
Histogram spread(std::uint64_t count, Duration least);

}  // namespace onelane::test
