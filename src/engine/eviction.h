// Chooses which staged unit of one class gives up its room where room is missing, and spares what a
// tick has in hand. It only chooses: the class lane settles what was chosen.
//
// The baton's holder alone uses it; of a class that is shared(), whoever holds the class's lock.
// While a tick commits, it lets go of that lock and has the first slots in hand: between
// take_in_hand() and nothing_in_hand() pushes call evictable functions here, and of those slots
// only what waits behind another record can be had, by moving its ticket's state, as a cancel does.
#pragma once

#include <cstddef>
#include <cstdint>

#include "src/engine/staging.h"

namespace onelane::engine {

class Eviction {
 public:
  explicit Eviction(Staging& staging) : staging_(staging) {}  // which must outlive it

  // Each of these two returns an entry that is now taken by the caller, or was settled by its own
  // receipt and is still staged; null if there is none. The caller takes it out of staging.
  //
  // The oldest unit that can be dropped.
  Entry* oldest();
  // The oldest record that waits behind the first record that has others behind it. If a tick has
  // it in hand it is taken, marked as shed, and stays staged until the tick is over.
  Entry* oldest_behind();

  // A tick has this many of the first slots in hand from now on.
  void take_in_hand(std::size_t slots);
  void nothing_in_hand() {
    hand_end_ = in_hand_ = behind_from_ = 0;
    behind_next_ = nullptr;
  }
  bool has_in_hand(const Entry& leader) const { return leader.place < hand_end_; }
  std::uint64_t in_hand() const { return in_hand_; }  // packed, as the gate counts

  // What could not be dropped before is looked at again.
  void start_over() { oldest_from_ = 0; }
  // The same, and gives back the slots of removed entries, where these are most. What is in hand
  // keeps its slots.
  void tidy();

 private:
  static Entry* claim(Entry* entry) { return entry->take() || entry->settled() ? entry : nullptr; }
  Entry* claim_in_hand(Entry* newest);

  Staging& staging_;
  // Places, see Staging::place_of().
  std::uint64_t hand_end_ = 0;     // those before it are in hand
  std::uint64_t oldest_from_ = 0;  // nothing before it can be dropped
  std::uint64_t behind_from_ = 0;  // nothing waits behind what lies before it
  Entry* behind_next_ = nullptr;   // of those that wait behind that place, if it is in hand
  std::uint64_t in_hand_ = 0;
};

}  // namespace onelane::engine
