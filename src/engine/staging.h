// What was drained from one class's queue and is not settled yet, oldest first, as the scheduler
// sees it. The baton holder's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/base/check.h"
#include "src/model/entry.h"
#include "src/schedule/plan.h"

namespace onelane::engine {

using detail::Entry;

class Staging {
 public:
  // Room for one entry more, without which add() may not be called. Throws bad_alloc.
  void make_room() {
    if (entries_.size() < room_) [[likely]]
      return;
    grow();
  }
  // Throws bad_alloc only for an entry with a key, and has then done nothing.
  void add(Entry* entry) {
    if (entry->has_key()) remember_key(entry);
    entry->place = base_ + entries_.size();
    entry->staged = true;
    entries_.push_back(entry);
    units_.push_back({.bytes = entry->bytes,
                      .records = entry->rows,
                      .closes_slice = entry->kind == detail::EntryKind::job,
                      .pushed = entry->pushed});
    ++live_;
    durable_ += promises_durable(entry);
    if (entry->kind >= detail::EntryKind::job) count_special(entry->kind, 1);
  }
  // The slot stays, free of cost and with no entry, until the head passes it.
  void remove(Entry* entry) {
    const auto index = static_cast<std::size_t>(entry->place - base_);
    ONELANE_CHECK(index < entries_.size() && entries_[index] == entry, index);
    if (entry->has_key()) forget_key(entry);
    entries_[index] = nullptr;
    entry->staged = false;
    units_[index] = {.pushed = units_[index].pushed};
    --live_;
    durable_ -= promises_durable(entry);
    if (entry->kind >= detail::EntryKind::job) count_special(entry->kind, -1);
  }
  // Slots whose entry was removed vanish from the first `slots`; the others keep their order.
  void compact(std::size_t slots);
  // The same for all, once most slots are empty.
  void tidy();
  // The same for those from this place on, and those before it keep theirs.
  void tidy_behind(std::uint64_t place);

  // Slots from the head on; at(i) is null where the entry was removed.
  std::span<const schedule::Unit> units() const { return std::span(units_).subspan(head_); }
  Entry* at(std::size_t slot) const { return entries_[head_ + slot]; }
  const schedule::Unit& unit(std::size_t slot) const { return units_[head_ + slot]; }
  std::size_t slots() const { return entries_.size() - head_; }
  // A place is a slot's number that stays while others before it go.
  std::uint64_t place_of(std::size_t slot) const { return base_ + head_ + slot; }
  std::size_t slot_at(std::uint64_t place) const {  // the first if it is gone
    return place <= base_ + head_ ? 0 : static_cast<std::size_t>(place - base_ - head_);
  }
  std::size_t size() const { return live_; }
  bool empty() const { return live_ == 0; }
  std::size_t jobs() const { return jobs_; }
  std::size_t durable() const { return durable_; }  // that promise to be
  std::size_t barriers() const { return barriers_; }

  // The newest entry with the key, or null.
  Entry* find(std::string_view key) const;

 private:
  static std::size_t promises_durable(const Entry* entry) {
    return entry->promise == Promise::durable ? 1 : 0;
  }
  void grow();
  void count_special(detail::EntryKind kind, std::ptrdiff_t by);
  void remember_key(Entry* entry);
  void forget_key(Entry* entry);

  std::vector<schedule::Unit> units_;
  std::vector<Entry*> entries_;
  std::size_t room_ = 0;    // that both have
  std::size_t head_ = 0;    // slots before it are spent
  std::uint64_t base_ = 0;  // the place of index 0
  std::size_t live_ = 0;
  std::size_t durable_ = 0;
  std::size_t jobs_ = 0;
  std::size_t barriers_ = 0;
  static_assert(detail::EntryKind::job > detail::EntryKind::group &&
                    detail::EntryKind::barrier > detail::EntryKind::job,
                "the kinds that are counted come last");
  std::unordered_map<std::string_view, Entry*> keys_;  // views into the entries
};

}  // namespace onelane::engine
