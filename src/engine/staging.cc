#include "src/engine/staging.h"

#include <algorithm>
#include <utility>

namespace onelane::engine {

using detail::EntryKind;

namespace {

constexpr std::size_t kSlotsMin = 64;

// Spent slots are given back once they are this many, and more than the rest.
constexpr std::size_t kSpentSlotsMin = 1024;

std::uint64_t held_behind(const Entry& entry) { return entry.shed ? 0 : held_by(entry); }

}  // namespace

void Staging::count_special(EntryKind kind, std::ptrdiff_t by) {
  std::size_t& count = kind == EntryKind::job ? jobs_ : barriers_;
  count += static_cast<std::size_t>(by);
}

void Staging::grow() {
  const std::size_t wanted = std::max(2 * room_, kSlotsMin);
  units_.reserve(wanted);
  entries_.reserve(wanted);
  room_ = wanted;
}

void Staging::remember_key(Entry* entry) {
  const auto older = keys_.find(entry->key());
  if (older == keys_.end()) {
    keys_.emplace(entry->key(), entry);
    return;
  }
  rename_key(older, entry);
}

// To the entry's view of the same key, as that of the other entry ends with it.
void Staging::rename_key(Keys::iterator found, Entry* entry) {
  auto node = keys_.extract(found);
  node.key() = entry->key();
  node.mapped() = entry;
  keys_.insert(std::move(node));
}

void Staging::put_behind(Entry* older, Entry* newer) {
  const std::size_t from = index_of(older);
  schedule::Unit& unit = units_[index_of(newer)];
  unit.bytes = std::max(unit.bytes, units_[from].bytes);
  unit.pushed = std::min(unit.pushed, units_[from].pushed);
  clear(from);
  older->leads = false;
  durable_ -= promises_durable(older);
  behind_ += held_by(*older);
  newer->behind = older;
  newer->ahead = older->ahead;
  older->ahead->behind = newer;
  older->ahead = newer;
}

void Staging::remove_from_ring(Entry* entry) {
  Entry* const next = entry->behind;
  if (entry->leads) {
    forget_key(entry);
    entries_[index_of(entry)] = next;
    next->place = entry->place;
    next->leads = true;
    durable_ += promises_durable(next);
    durable_ -= promises_durable(entry);
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

Entry* Staging::find(std::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : found->second;
}

// It is the next older one's then, if there is one.
void Staging::forget_key(Entry* entry) {
  const auto found = keys_.find(entry->key());
  if (found == keys_.end() || found->second != entry) return;
  if (entry->behind == entry) {
    keys_.erase(found);
  } else {
    rename_key(found, entry->behind);
  }
}

}  // namespace onelane::engine
