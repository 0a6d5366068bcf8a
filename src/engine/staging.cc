#include "src/engine/staging.h"

#include <algorithm>

namespace onelane::inline v0::engine {

namespace {

constexpr std::size_t kSlotsMin = 64;

// Empty slots are removed once they are this many, and more than the rest.
constexpr std::size_t kSpentSlotsMin = 1024;

// What it adds to Staging::behind() while it waits behind another.
std::uint64_t held_behind(const Entry& entry) { return entry.shed ? 0 : charge_of(entry); }

}  // namespace

void Staging::grow() {
  const std::size_t wanted = std::max(2 * room_, kSlotsMin);
  units_.reserve(wanted);
  entries_.reserve(wanted);
  room_ = wanted;
}

trace::Unit noted(const Entry& entry) {
  return {.pushed = entry.pushed,
          .bytes = entry.bytes,
          .records = entry.rows,
          .site = entry.site,
          .caller = entry.caller,
          .kind = entry.kind,
          .promise = entry.promise,
          .caller_waits = entry.caller_waits,
          .waited_for_room = entry.waited_for_room};
}

void Staging::put_behind(Entry* older, Entry* newer) {
  const std::size_t from = index_of(older);
  schedule::Unit& unit = units_[index_of(newer)];
  unit.bytes = std::max(unit.bytes, units_[from].bytes);
  unit.pushed = std::min(unit.pushed, units_[from].pushed);
  if (changes_ != nullptr) changes_->put_behind(from - head_, index_of(newer) - head_);
  clear(from);
  older->leads = false;
  count(*older, -1);
  behind_ += charge_of(*older);
  newer->behind = older;
  newer->ahead = older->ahead;
  older->ahead->behind = newer;
  older->ahead = newer;
}

void Staging::remove_from_ring(Entry* entry) {
  Entry* const next = entry->behind;
  if (entry->leads) {
    keys_.remove(entry);
    entries_[index_of(entry)] = next;
    next->place = entry->place;
    next->leads = true;
    count(*next, 1);
    count(*entry, -1);
    behind_ -= held_behind(*next);
  } else {
    behind_ -= held_behind(*entry);
  }
  entry->ahead->behind = next;
  next->ahead = entry->ahead;
  entry->behind = entry->ahead = entry;
  entry->staged = entry->leads = false;
}

void Staging::tidy() {
  if (slots() > 2 * live_ + kSpentSlotsMin) compact(slots());
}

bool Staging::tidy_behind(std::uint64_t place) {
  std::size_t to = head_ + std::min(slots(), slot_at(place));
  if (entries_.size() - to <= 2 * live_ + kSpentSlotsMin) return false;
  if (changes_ != nullptr) changes_->squeeze(to - head_, entries_.size() - to);
  for (std::size_t from = to; from < entries_.size(); ++from) {
    if (entries_[from] == nullptr) continue;
    entries_[to] = entries_[from];
    units_[to] = units_[from];
    entries_[to]->place = base_ + to;
    ++to;
  }
  entries_.resize(to);
  units_.resize(to);
  return true;
}

void Staging::compact(std::size_t slots) {
  if (changes_ != nullptr) changes_->squeeze(0, slots);
  std::size_t to = head_ + slots;
  for (std::size_t from = to; from-- > head_;) {
    if (entries_[from] == nullptr) continue;
    --to;
    entries_[to] = entries_[from];
    units_[to] = units_[from];
    entries_[to]->place = base_ + to;
  }
  head_ = to;
  if (head_ < kSpentSlotsMin || head_ < entries_.size() / 2) return;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
  units_.erase(units_.begin(), units_.begin() + static_cast<std::ptrdiff_t>(head_));
  base_ += head_;
  head_ = 0;
}

}  // namespace onelane::inline v0::engine
