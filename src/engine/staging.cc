#include "src/engine/staging.h"

namespace onelane::engine {

using detail::EntryKind;

namespace {

// Spent slots are given back once they are this many, and more than the rest.
constexpr std::size_t kSpentSlotsMin = 1024;

}  // namespace

void Staging::count_special(EntryKind kind, std::ptrdiff_t by) {
  std::size_t& count = kind == EntryKind::job ? jobs_ : barriers_;
  count += static_cast<std::size_t>(by);
}

void Staging::remember_key(Entry* entry) {
  keys_.erase(entry->key());  // the view of an older entry's key goes with it
  keys_.emplace(entry->key(), entry);
}

void Staging::tidy() {
  if (slots() > 2 * live_ + kSpentSlotsMin) compact(slots());
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

void Staging::forget_key(Entry* entry) {
  const auto found = keys_.find(entry->key());
  if (found != keys_.end() && found->second == entry) keys_.erase(found);
}

}  // namespace onelane::engine
