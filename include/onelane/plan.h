// How long units of each class wait at most, from the options alone: before anything runs.
//
//   const std::vector<PlannedClass> classes = {{.options = peers}, {.options = blobs}};
//   const auto waits = worst_waits(journal_options, classes);
//
// In ticks, as the scheduler guarantees it; src/schedule/README.md derives the bound. In time, a
// tick takes no longer than tick.hold, or than the guarantees of all classes need where that is
// more, and one unit more. Outside the bound are jobs of any class, ticks that are rolled back,
// what a class waits before its first tick (gather, interval) and pauses for the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "onelane/options.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// What waits of one class: units of rows, not jobs.
struct Waiting {
  std::uint64_t records = 1;  // of all units together; at least 1
  std::uint64_t bytes = 1;    // of their encoded rows (Row::bytes)
  // Of one unit, at most; no more than all of it.
  std::uint64_t largest_records = 1;
  std::uint64_t largest_bytes = 1;
};

struct PlannedClass {
  ClassOptions options{};
  // None: the queue is full of records of the size capacity_bytes / capacity_records, as
  // ClassStats::worst_wait_ticks takes it.
  std::optional<Waiting> waiting{};
};

// Ticks until a unit is taken, counted from the first that begins after its push; at least 1.
struct WorstWait {
  std::uint64_t first_ticks = 1;  // the largest unit, with nothing of its class before it
  std::uint64_t last_ticks = 1;   // the last unit of all that waits
};

// What waits of the class: as it says, or its full queue.
Waiting waiting_of(const PlannedClass& planned);

// In the order of the classes, of which there are at most kClassesMax. invalid_argument as from
// Journal::open and Journal::add_class, and for a `waiting` whose parts contradict each other.
// Pure, for any thread.
Result<std::vector<WorstWait>> worst_waits(const JournalOptions& journal,
                                           std::span<const PlannedClass> classes);

}  // namespace onelane::inline v0
