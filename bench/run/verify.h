// Holds a database against what callers were told.
#pragma once

#include <filesystem>

#include "bench/run/workload.h"
#include "bench/storm/result.h"

namespace onelane::bench::run {

// The database must be closed by whoever wrote it. Checked are: each row specification's `found`,
// for every row that was acknowledged; its `total`, which must be the acknowledged rows, and at
// most as many more as ended with an error that may hide a commit; integrity_check; that the ends
// add up to what was offered; and the journal's own accounts, where there is one. What was pushed
// without a receipt counts as acknowledged, less what the class's statistics say did not commit.
// Throws RunError if the database cannot be read.
storm::Verdict verify(const std::filesystem::path& database, const Workload& workload,
                      const storm::StrategyResult& result);

}  // namespace onelane::bench::run
