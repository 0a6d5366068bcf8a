#include "src/engine/applied_units.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "src/base/check.h"

namespace onelane::inline v0::engine {

void AppliedUnits::start(Position position, std::vector<Position> waiting) {
  position_ = position;
  waiting_ = std::move(waiting);
  publish();
}

void AppliedUnits::begin() { done_.clear(); }

bool AppliedUnits::prepare() {
  if (done_.empty()) return false;
  {
    const std::scoped_lock lock(mutex_);
    done_.insert(done_.end(), skipped_.begin(), skipped_.end());
    skipped_seen_ = skipped_.size();
  }
  std::sort(done_.begin(), done_.end());
  done_.erase(std::unique(done_.begin(), done_.end()), done_.end());
  next_position_ = std::max(position_, done_.back());
  next_waiting_.clear();
  std::set_difference(waiting_.begin(), waiting_.end(), done_.begin(), done_.end(),
                      std::back_inserter(next_waiting_));
  auto next = std::upper_bound(done_.begin(), done_.end(), position_);
  for (Position at = position_ + 1; at <= next_position_; ++at) {
    if (next != done_.end() && *next == at) {
      ++next;
    } else {
      next_waiting_.push_back(at);
    }
  }
  return true;
}

void AppliedUnits::committed() noexcept {
  position_ = next_position_;
  std::swap(waiting_, next_waiting_);
  publish();
  const std::scoped_lock lock(mutex_);
  skipped_.erase(skipped_.begin(), skipped_.begin() + static_cast<std::ptrdiff_t>(skipped_seen_));
  skipped_seen_ = 0;
}

void AppliedUnits::make_room(std::size_t staged) {
  const std::scoped_lock lock(mutex_);
  const std::size_t needed = skipped_.size() + staged;
  if (skipped_.capacity() < needed) skipped_.reserve(2 * needed);
}

void AppliedUnits::skip(Position position) noexcept {
  const std::scoped_lock lock(mutex_);
  ONELANE_CHECK(skipped_.size() < skipped_.capacity(), position);
  skipped_.push_back(position);
}

void AppliedUnits::publish() noexcept {
  done_up_to_.store(waiting_.empty() ? position_ : waiting_.front() - 1, std::memory_order_release);
}

}  // namespace onelane::inline v0::engine
