#include "src/engine/eviction.h"

#include <algorithm>

namespace onelane::inline v0::engine {

Entry* Eviction::oldest() {
  for (std::size_t slot = staging_.slot_at(oldest_from_); slot < staging_.slots(); ++slot) {
    oldest_from_ = staging_.place_of(slot);
    Entry* const entry = staging_.at(slot);
    if (entry == nullptr || entry->kind == detail::EntryKind::barrier) continue;
    if (claim(entry) != nullptr) return entry;
  }
  return nullptr;
}

Entry* Eviction::oldest_behind() {
  if (staging_.behind() == 0) return nullptr;
  for (std::size_t slot = staging_.slot_at(behind_from_); slot < staging_.slots(); ++slot) {
    behind_from_ = staging_.place_of(slot);
    Entry* const newest = staging_.at(slot);
    if (newest == nullptr || newest->ahead == newest) continue;
    Entry* const oldest = has_in_hand(*newest) ? claim_in_hand(newest) : claim(newest->ahead);
    if (oldest != nullptr) return oldest;
  }
  return nullptr;
}

// The tick may be about to take it as well: whoever moves its ticket's state first has it. What was
// passed over here stays passed over until the tick is over.
Entry* Eviction::claim_in_hand(Entry* newest) {
  Entry* entry = behind_next_ != nullptr ? behind_next_ : newest->ahead;
  while (entry != newest && !entry->take()) entry = entry->ahead;
  behind_next_ = entry == newest ? nullptr : entry->ahead;
  if (entry == newest) return nullptr;
  staging_.shed(entry);
  return entry;
}

void Eviction::take_in_hand(std::size_t slots) {
  for (std::size_t slot = 0; slot < slots; ++slot) {
    if (const Entry* entry = staging_.at(slot); entry != nullptr) in_hand_ += charge_of(*entry);
  }
  hand_end_ = oldest_from_ = staging_.place_of(slots);
}

void Eviction::tidy() {
  if (staging_.tidy_behind(hand_end_)) behind_from_ = std::min(behind_from_, hand_end_);
  oldest_from_ = hand_end_;
}

}  // namespace onelane::inline v0::engine
