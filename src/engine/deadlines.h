// The deadlines of one class's staged units, earliest first. The baton's holder alone uses it; of a
// class that is shared(), whoever holds the class's lock.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "onelane/clock.h"
#include "src/model/entry.h"

namespace onelane::inline v0::engine {

using detail::Entry;

class Deadlines {
 public:
  Deadlines() = default;
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;
  ~Deadlines();

  // Makes room for one deadline more, without which add() may not be called. Throws bad_alloc.
  void make_room() {
    if (heap_.size() == heap_.capacity()) heap_.reserve(2 * heap_.size() + 1);
  }
  // Keeps a reference of its own to the entry, until its deadline was taken or forgotten.
  void add(Entry* entry);

  // An entry whose deadline has come, settled or not; null if there is none.
  detail::EntryRef take_due(TimePoint now) {
    if (heap_.empty() || now < heap_.front().at) return nullptr;
    return take_first();
  }
  std::optional<TimePoint> next() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().at;
  }
  // Forgets the deadlines of settled entries, once these may be more than half of all: each keeps
  // its entry's memory. `unsettled` is the number of the class's units that are staged.
  void forget_settled(std::size_t unsettled) {
    if (heap_.size() > 2 * unsettled + kSettledMax) sweep();
  }

 private:
  struct Deadline {
    TimePoint at;
    Entry* entry;
  };
  static constexpr std::size_t kSettledMax = 1024;

  detail::EntryRef take_first();
  void sweep();

  std::vector<Deadline> heap_;
};

}  // namespace onelane::inline v0::engine
