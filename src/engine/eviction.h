// Chooses which staged unit of one class gives up its room where room is missing, and spares what a
// tick has in hand. It only chooses: the class lane settles what was chosen.
//
// The baton's holder alone uses it; of a class that is shared(), whoever holds the class's lock. A
// tick lets go of that lock while it commits, so pushes may call this between take_in_hand() and
// nothing_in_hand(). Of the slots in hand they get only what waits behind another record, and that
// by moving its ticket's state, as a cancel does.
#pragma once

#include <cstddef>
#include <cstdint>

#include "src/engine/staging.h"

namespace onelane::inline v0::engine {

class Eviction {
 public:
  explicit Eviction(Staging& staging) : staging_(staging) {}  // which must outlive it

  // The next two choose an entry and take its ticket, or find one that was settled outside a tick
  // and is still staged. The caller settles it or buries it. Null if there is none.
  //
  // The oldest unit that can be dropped.
  Entry* oldest();
  // Of the first record that has others behind it, the oldest of these. If a tick has it in hand,
  // it is marked as shed, and the caller leaves it staged until the tick is over.
  Entry* oldest_behind();

  // From now on a tick has the first `slots` slots in hand.
  void take_in_hand(std::size_t slots);
  void nothing_in_hand() {
    hand_end_ = in_hand_ = behind_from_ = 0;
    behind_next_ = nullptr;
  }
  bool has_in_hand(const Entry& leader) const { return leader.place < hand_end_; }
  std::uint64_t in_hand() const { return in_hand_; }  // packed, as the gate counts

  // Makes oldest() look again at units that could not be dropped before.
  void start_over() { oldest_from_ = 0; }
  // Does the same for what is not in hand, and removes its empty slots if these are most.
  void tidy();

 private:
  static Entry* claim(Entry* entry) { return entry->take() || entry->settled() ? entry : nullptr; }
  Entry* claim_in_hand(Entry* newest);

  Staging& staging_;
  // Places, see Staging::place_of().
  std::uint64_t hand_end_ = 0;     // slots before it are in hand
  std::uint64_t oldest_from_ = 0;  // nothing before it can be dropped
  std::uint64_t behind_from_ = 0;  // nothing that lies before it has others behind it to choose
  Entry* behind_next_ = nullptr;   // where claim_in_hand() goes on in the ring at behind_from_
  std::uint64_t in_hand_ = 0;      // room of what is in hand, packed
};

}  // namespace onelane::inline v0::engine
