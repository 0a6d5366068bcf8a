#include "src/engine/staging.h"

#include <algorithm>
#include <utility>

namespace onelane::engine {

using detail::EntryKind;

namespace {

constexpr std::size_t kSlotsMin = 64;

// Spent slots are given back once they are this many, and more than the rest.
constexpr std::size_t kSpentSlotsMin = 1024;

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
  auto node = keys_.extract(older);  // with the view of an older entry's key
  node.key() = entry->key();
  node.mapped() = entry;
  keys_.insert(std::move(node));
}

void Staging::tidy() {
  if (slots() > 2 * live_ + kSpentSlotsMin) compact(slots());
}

void Staging::tidy_behind(std::uint64_t place) {
  std::size_t to = head_ + std::min(slots(), slot_at(place));
  if (entries_.size() - to <= 2 * live_ + kSpentSlotsMin) return;
  for (std::size_t from = to; from < entries_.size(); ++from) {
    if (entries_[from] == nullptr) continue;
    entries_[to] = entries_[from];
    units_[to] = units_[from];
    entries_[to]->place = base_ + to;
    ++to;
  }
  entries_.resize(to);
  units_.resize(to);
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
