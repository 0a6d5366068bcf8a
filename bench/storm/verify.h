// Holds a database against what callers were told and against the input.
#pragma once

#include <optional>

#include "bench/storm/input.h"
#include "bench/storm/ledger.h"
#include "bench/storm/reader.h"
#include "bench/storm/result.h"
#include "onelane/stats.h"

namespace onelane::bench::storm {

// The database must be closed by whoever wrote it. Checked are: each row's content; that every mark
// has left its rows, once, and that nothing else is there; that a peer's agent is the one that was
// committed last; what the store itself finds damaged; and that the ends add up to what was
// offered, in the ledger and, where there is one, in the journal's own statistics, which must agree
// with it. Throws RunError if the database cannot be read.
Verdict verify(Reader& database, const Input& input, const Ledger& ledger,
               const std::optional<JournalStats>& journal);

}  // namespace onelane::bench::storm
