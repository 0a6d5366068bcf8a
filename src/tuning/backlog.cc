#include "src/tuning/backlog.h"

#include <algorithm>

namespace onelane::inline v0::tuning {

bool Backlog::clear(std::uint64_t first, std::uint64_t count) {
  if (!has(first, count)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = head_ + static_cast<std::size_t>(first) + i;
    units_[at] = {.pushed = units_[at].pushed};
    slots_[at].occupied = false;
  }
  return true;
}

bool Backlog::put_behind(std::uint64_t from, std::uint64_t to) {
  if (from >= size() || to >= size() || from == to) return false;
  const schedule::Unit& older = units_[head_ + static_cast<std::size_t>(from)];
  schedule::Unit& newer = units_[head_ + static_cast<std::size_t>(to)];
  newer.bytes = std::max(newer.bytes, older.bytes);
  newer.pushed = std::min(newer.pushed, older.pushed);
  return true;
}

bool Backlog::squeeze(std::uint64_t first, std::uint64_t count) {
  if (!has(first, count)) return false;
  const std::size_t begin = head_ + static_cast<std::size_t>(first);
  const std::size_t end = begin + static_cast<std::size_t>(count);
  // Towards the end, so that squeezing the front costs no more than that.
  std::size_t to = end;
  for (std::size_t from = end; from-- > begin;) {
    if (!slots_[from].occupied) continue;
    --to;
    slots_[to] = slots_[from];
    units_[to] = units_[from];
  }
  const auto at = [](auto& list, std::size_t index) {
    return list.begin() + static_cast<std::ptrdiff_t>(index);
  };
  if (begin != head_) {
    units_.erase(at(units_, begin), at(units_, to));
    slots_.erase(at(slots_, begin), at(slots_, to));
    return true;
  }
  head_ = to;
  if (head_ < slots_.size() / 2) return true;
  units_.erase(units_.begin(), at(units_, head_));
  slots_.erase(slots_.begin(), at(slots_, head_));
  head_ = 0;
  return true;
}

}  // namespace onelane::inline v0::tuning
