// The backlog of one class as it was, rebuilt from its recorded changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "src/schedule/plan.h"
#include "src/trace/changes.h"

namespace onelane::inline v0::tuning {

struct Slot {
  std::uint32_t unit = 0;  // its number
  bool occupied = true;
  bool begun = false;  // a tick has taken it
};

class Backlog {
 public:
  std::span<const schedule::Unit> units() const { return std::span(units_).subspan(head_); }
  std::size_t size() const { return slots_.size() - head_; }
  Slot& slot(std::size_t index) { return slots_[head_ + index]; }
  const Slot& slot(std::size_t index) const { return slots_[head_ + index]; }

  void add(const schedule::Unit& unit, std::uint32_t number) {
    units_.push_back(unit);
    slots_.push_back({.unit = number});
  }
  // Each is false where the backlog has no such slots, and then changes nothing.
  bool clear(std::uint64_t first, std::uint64_t count);
  bool put_behind(std::uint64_t from, std::uint64_t to);
  bool squeeze(std::uint64_t first, std::uint64_t count);

 private:
  bool has(std::uint64_t first, std::uint64_t count) const {
    return first <= size() && count <= size() - first;
  }

  std::vector<schedule::Unit> units_;
  std::vector<Slot> slots_;
  std::size_t head_ = 0;
};

}  // namespace onelane::inline v0::tuning
