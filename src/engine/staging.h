// What was drained from one class's queue and is not settled yet, oldest first, in slots, as the
// scheduler sees it. The baton's holder alone uses it; of a class that is shared(), whoever holds
// the class's lock, or the tick that has the slots in hand (class_lane.h).
//
// A record that a newer one of its key would supersede waits behind it, in a ring of such records
// that the newest leads (Entry::behind and ahead). The leader alone has a slot and is in size();
// when it is removed, the next older one leads, in the same slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/base/check.h"
#include "src/engine/key_table.h"
#include "src/model/entry.h"
#include "src/queue/gate.h"
#include "src/schedule/plan.h"
#include "src/trace/changes.h"

namespace onelane::inline v0::engine {

// What an entry takes of its class's capacity, as the gate counts.
inline std::uint64_t charge_of(const Entry& entry) {
  return queue::Gate::packed(entry.rows, entry.footprint);
}

// The entry that leads the ring of a staged one.
inline Entry* newest(Entry* entry) {
  while (!entry->leads) entry = entry->ahead;
  return entry;
}

// What a trace holds of it.
trace::Unit noted(const Entry& entry);

class Staging {
 public:
  // From now on each change of the slots is noted there; null: nowhere. It outlives this.
  void note_changes(trace::Changes* changes) { changes_ = changes; }
  // Makes room for one entry more, without which add() may not be called. Throws bad_alloc.
  void make_room() {
    if (entries_.size() < room_) [[likely]]
      return;
    grow();
  }
  // Throws bad_alloc only for an entry with a key, and has then done nothing.
  void add(Entry* entry) {
    if (entry->has_key()) keys_.put(entry);
    entry->place = base_ + entries_.size();
    entry->staged = entry->leads = true;
    entries_.push_back(entry);
    units_.push_back({.bytes = entry->bytes,
                      .records = entry->rows,
                      .closes_slice = entry->kind == detail::EntryKind::job,
                      .pushed = entry->pushed});
    if (changes_ != nullptr) changes_->add(noted(*entry));
    ++live_;
    count(*entry, 1);
    hurried_ += hurries(*entry);
  }
  // Takes the entry out. If nothing waits behind it, its slot stays, with no entry and free of
  // cost, until compact() or a tidy.
  void remove(Entry* entry) {
    hurried_ -= hurries(*entry);
    if (entry->behind != entry) [[unlikely]]
      return remove_from_ring(entry);
    const std::size_t index = index_of(entry);
    if (entry->has_key()) keys_.remove(entry);
    clear(index);
    entry->staged = entry->leads = false;
    count(*entry, -1);
  }
  // Puts an entry that leads, with all behind it, behind the newer one, which was just added. The
  // slot of the newer one then counts as old, and as large, as any of them.
  void put_behind(Entry* older, Entry* newer);
  // Removes the empty ones among the first `slots` slots; the others keep their order.
  void compact(std::size_t slots);
  // Removes all empty slots, if most are.
  void tidy();
  // Removes the empty slots from this place on, if most are; slots before it keep their places.
  // Whether it did.
  bool tidy_behind(std::uint64_t place);

  // Slots, oldest first; at(i) is null where the entry was removed.
  std::span<const schedule::Unit> units() const { return std::span(units_).subspan(head_); }
  Entry* at(std::size_t slot) const { return entries_[head_ + slot]; }
  const schedule::Unit& unit(std::size_t slot) const { return units_[head_ + slot]; }
  std::size_t slots() const { return entries_.size() - head_; }
  // A place is a number of a slot that stays the same while slots before it are removed.
  std::uint64_t place_of(std::size_t slot) const { return base_ + head_ + slot; }
  std::size_t slot_at(std::uint64_t place) const {  // the first slot, if the place is gone
    return place <= base_ + head_ ? 0 : static_cast<std::size_t>(place - base_ - head_);
  }
  // When the leader was pushed, or the oldest entry that ever was behind it.
  TimePoint waits_since(const Entry* leader) const { return units_[index_of(leader)].pushed; }
  std::size_t slot_of(Entry* entry) const { return slot_at(newest(entry)->place); }
  std::size_t size() const { return live_; }
  std::uint64_t behind() const { return behind_; }  // packed: what waits behind others
  // Of an entry that waits behind another: it stays staged, but no longer counts in behind().
  void shed(Entry* entry) {
    entry->shed = true;
    behind_ -= charge_of(*entry);
  }
  bool empty() const { return live_ == 0; }
  // Whether anything that is staged, but for barriers, promises more than journaled.
  bool hurry() const { return hurried_ != 0; }
  std::size_t jobs() const { return jobs_; }
  std::size_t barriers() const { return barriers_; }

  // The newest entry with the key, or null.
  Entry* find(std::string_view key) const { return keys_.find(key); }

 private:
  std::size_t index_of(const Entry* leader) const {
    const auto index = static_cast<std::size_t>(leader->place - base_);
    ONELANE_CHECK(index < entries_.size() && entries_[index] == leader, index);
    return index;
  }
  static std::size_t hurries(const Entry& entry) {
    return entry.promise == Promise::journaled || entry.kind == detail::EntryKind::barrier ? 0 : 1;
  }
  void clear(std::size_t index) {
    entries_[index] = nullptr;
    units_[index] = {.pushed = units_[index].pushed};
    if (changes_ != nullptr) changes_->clear(index - head_);
    --live_;
  }
  // Adds `by` to the count that the entry is in, if it is in one.
  void count(const Entry& entry, int by) {
    if (entry.kind < detail::EntryKind::job) [[likely]]
      return;
    (entry.kind == detail::EntryKind::job ? jobs_ : barriers_) += static_cast<std::size_t>(by);
  }
  void grow();
  void remove_from_ring(Entry* entry);

  trace::Changes* changes_ = nullptr;
  std::vector<schedule::Unit> units_;
  std::vector<Entry*> entries_;
  std::size_t room_ = 0;    // of both vectors
  std::size_t head_ = 0;    // the index of slot 0
  std::uint64_t base_ = 0;  // the place of index 0
  std::size_t live_ = 0;
  std::uint64_t behind_ = 0;
  std::size_t hurried_ = 0;  // entries, led ones too, that promise more than journaled
  std::size_t jobs_ = 0;
  std::size_t barriers_ = 0;
  static_assert(detail::EntryKind::job > detail::EntryKind::group &&
                    detail::EntryKind::barrier > detail::EntryKind::job,
                "the kinds that are counted come last");
  KeyTable keys_;
};

}  // namespace onelane::inline v0::engine
