#include "src/engine/lanes.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "src/schedule/predict.h"

namespace onelane::inline v0::engine {

std::uint64_t Lanes::queued_records() const {
  std::uint64_t sum = 0;
  for (const auto& lane : all()) sum += lane->gate.records();
  return sum;
}

bool Lanes::pending() const {
  for (const auto& lane : all()) {
    if (lane->pending()) return true;
  }
  return false;
}

void Lanes::shut() {
  for (const auto& lane : all()) {
    lane->queue.close();
    lane->gate.close();
  }
}

void Lanes::prepare() { shared_.reserve(shared_.size() + 1); }

void Lanes::add(std::unique_ptr<ClassLane> lane) noexcept {
  const std::uint32_t count = this->count();
  if (lane->shared()) shared_.push_back(lane.get());
  lanes_[count] = std::move(lane);
  count_.store(count + 1, std::memory_order_release);
}

void Lanes::set_options(std::size_t klass, ClassOptions&& options,
                        const schedule::Share& share) noexcept {
  ClassLane& lane = *lanes_[klass];
  const bool shared = lane.shared();
  {
    const std::scoped_lock lock(lane);
    lane.settings.set(std::move(options), share);
    const ClassOptions& now = lane.settings.options();
    lane.cancelled.resize(now.capacity_records, now.capacity_bytes);
    lane.gate.resize(now.capacity_records, now.capacity_bytes);
  }
  if (!shared && lane.shared()) shared_.push_back(&lane);
}

void Lanes::lock() const {
  for (ClassLane* lane : shared_) lane->lock();
}

void Lanes::unlock() const {
  for (ClassLane* lane : shared_) lane->unlock();
}

bool Lanes::stage(TimePoint now, ack::Wakes& wakes) {
  bool whole = true;
  for (const auto& lane : all()) whole = lane->stage(now, wakes) && whole;
  return whole;
}

void Lanes::gather_until(TimePoint until) {
  for (const auto& lane : all()) {
    if (lane->journaled != nullptr && !lane->staging.empty()) lane->handed_on.gather_until(until);
  }
}

void Lanes::settle_all(const Status& cause, TimePoint now, ack::Wakes& wakes) {
  for (const auto& lane : all()) lane->settle_all(cause, now, wakes);
}

void Lanes::compact(const schedule::Plan& plan) {
  for (const auto& lane : all()) {
    Staging& staging = lane->staging;
    staging.compact(std::min(staging.slots(), schedule::planned_units(plan, lane->index)));
    lane->give_back();
  }
}

std::uint64_t Lanes::settled() const {
  std::uint64_t out = 0;
  for (const auto& lane : all()) out += lane->tally.settled();
  return out;
}

bool Lanes::jobs() const {
  const auto lanes = all();
  return std::any_of(lanes.begin(), lanes.end(),
                     [](const auto& lane) { return lane->staging.jobs() != 0; });
}

bool Lanes::drained() const {
  const std::scoped_lock shared(*this);
  const auto lanes = all();
  return std::none_of(lanes.begin(), lanes.end(),
                      [](const auto& lane) { return lane->coming() || !lane->staging.empty(); });
}

Lanes::Hand::Hand(const Lanes& lanes, const schedule::Plan& plan) : lanes_(lanes) {
  for (ClassLane* lane : lanes_.shared_) {
    lane->take_in_hand(schedule::planned_units(plan, lane->index));
  }
}

Lanes::Hand::~Hand() {
  for (ClassLane* lane : lanes_.shared_) lane->nothing_in_hand();
}

}  // namespace onelane::inline v0::engine
