#include "src/engine/deadlines.h"

#include <algorithm>

namespace onelane::inline v0::engine {

namespace {

constexpr auto kLater = [](const auto& a, const auto& b) { return a.at > b.at; };

}  // namespace

Deadlines::~Deadlines() {
  for (const Deadline& each : heap_) each.entry->release();
}

void Deadlines::add(Entry* entry) {
  entry->retain();
  heap_.push_back({entry->deadline, entry});
  std::push_heap(heap_.begin(), heap_.end(), kLater);
}

detail::EntryRef Deadlines::take_first() {
  std::pop_heap(heap_.begin(), heap_.end(), kLater);
  detail::EntryRef first(heap_.back().entry);
  heap_.pop_back();
  return first;
}

void Deadlines::sweep() {
  const auto settled = std::remove_if(heap_.begin(), heap_.end(), [](const Deadline& each) {
    if (!each.entry->settled()) return false;
    each.entry->release();
    return true;
  });
  heap_.erase(settled, heap_.end());
  std::make_heap(heap_.begin(), heap_.end(), kLater);
}

}  // namespace onelane::inline v0::engine
