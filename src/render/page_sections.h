// What the page shows below its two answers, each as HTML; empty where there is nothing to show.
#pragma once

#include <string>

#include "onelane/stats.h"

namespace onelane::inline v0::render {

// Of the classes, in page_classes.cc.
std::string queues_section(const JournalStats& stats);
std::string waits_section(const JournalStats& stats);
std::string share_section(const JournalStats& stats);
std::string behind_section(const JournalStats& stats);
std::string ends_section(const JournalStats& stats);
std::string call_sites_section(const JournalStats& stats);

// Of the lane, in page_lane.cc.
std::string slowest_section(const JournalStats& stats);
std::string log_section(const JournalStats& stats);
std::string server_section(const JournalStats& stats);
std::string disk_section(const JournalStats& stats);
std::string totals_section(const JournalStats& stats);

}  // namespace onelane::inline v0::render
