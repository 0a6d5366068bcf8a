// What a seed may do. Each seed leaves out about half of it, so that what remains happens more
// often and in more company than if everything always did.
#pragma once

#include <cstddef>

#include "tests/sim/power_cut.h"

namespace onelane::test {

struct Features {
  // Whether classes may have an intake is the caller's choice: it is another world.
  Features(Random& random, bool with_intake) : intake(with_intake) {
    for (bool* each : {&groups, &jobs, &coalescing, &deadlines, &cancels, &poison, &small_classes,
                       &durable, &barriers, &large_rows, &foreign, &locks, &readers, &io_errors,
                       &sync_errors, &full_disk, &kills, &power_cuts, &interleaving}) {
      *each = chance(random, 50);
    }
    for (bool* each : {&schema_changes, &leaving, &own_file, &removal, &upserts, &null_keys,
                       &leftovers, &rowids}) {
      *each = chance(random, 50);
    }
    full_synchronous = chance(random, 25);
  }

  bool intake;
  bool groups, jobs, coalescing, deadlines, cancels, poison, small_classes, durable, barriers;
  bool large_rows;
  bool foreign;         // somebody else writes
  bool locks;           // and keeps the lock for a while
  bool readers;         // or reads for a while
  bool schema_changes;  // or changes the schema
  bool leaving;         // and goes away, and comes back
  bool own_file;        // the program opens and closes its database's file, and its locks are gone
  bool removal;         // the log is removed
  bool upserts;         // that need an index
  bool null_keys;       // which never coalesce
  bool leftovers;       // statements that SQLite does not undo by itself
  bool rowids;          // of the row before, within a group
  bool io_errors, sync_errors, full_disk;
  bool kills, power_cuts;
  bool interleaving;      // others go on in the middle of a call
  bool full_synchronous;  // commits are synced by themselves
};

}  // namespace onelane::test
