// What a lane does with its journal, whatever it writes: the storm's, and that of `run`.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "bench/storm/ledger.h"
#include "bench/storm/outstanding.h"
#include "bench/storm/result.h"
#include "bench/storm/strategy.h"
#include "onelane/journal.h"

namespace onelane::bench::storm {

// What a store is asked how it is set: "PRAGMA", each with a name.
struct Settings {
  std::string_view ask = "PRAGMA";
  std::span<const std::string_view> names = kPragmas;
};

// Read by a job of this class, since the journal's connection is its own. Throws RunError.
Pragmas pragmas_of(const WriteClass& own, Settings settings = {});

// See Strategy::give_up().
[[noreturn]] void give_up(Journal& journal);

// Waits until everything is written, enters what the watcher learned and the holds into the ledger,
// and closes the journal. Returns its statistics of before that. Throws RunError.
JournalStats finish(Journal& journal, Watcher& watcher, Ledger& ledger);

// Units that were fetched whole and are written in a job's steps, each as long as the lane allows.
// Shared by the thread that submits the job and the lane, one after the other.
class UnitsInSteps {
 public:
  // A step of the job: calls `write` with the index of each unit, from 0 to `units`, at least 1.
  Result<Step> step(Transaction& transaction, std::size_t units,
                    const std::function<Status(std::size_t)>& write);
  // How many of them, the first ones, the job's commits hold.
  std::size_t committed(const Outcome& outcome) const;

 private:
  std::vector<std::size_t> written_after_;  // each step that was begun; by step
};

}  // namespace onelane::bench::storm
