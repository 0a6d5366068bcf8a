#include "src/engine/class_lane.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace onelane::engine {

using detail::EntryKind;

namespace {

// A shared() class may have twice its capacity queued, cancelled units included, and one unit more
// for each of so many threads that push at the same moment.
constexpr std::uint64_t kCrowd = 4096;

schedule::Share share_of(const ClassOptions& options, const Budget& tick) {
  schedule::Share share;
  share.guarantee = options.guarantee;
  share.budget = options.budget;
  if (share.budget.records == 0) share.budget.records = tick.records;
  if (share.budget.bytes == 0) share.budget.bytes = tick.bytes;
  if (share.budget.hold == Duration(0)) share.budget.hold = tick.hold;
  share.weight = options.weight;
  share.max_delay = options.max_delay;
  share.gather = options.gather;
  return share;
}

constexpr std::size_t kSettledDeadlinesMax = 1024;

constexpr auto kLater = [](const auto& a, const auto& b) { return a.at > b.at; };

}  // namespace

bool between_steps(const Entry& entry) {
  return entry.kind == EntryKind::job && entry.job->steps > 0;
}

ClassLane::ClassLane(std::uint32_t number, const ClassOptions& given, const Budget& tick)
    : index(number),
      options(given),
      share(share_of(options, tick)),
      gate(options.capacity_records, options.capacity_bytes),
      lingering_(options.capacity_records, options.capacity_bytes) {}

ClassLane::~ClassLane() {
  for (const Deadline& deadline : deadlines_) deadline.entry->release();
  for (Entry* entry = cancelled_.load(); entry != nullptr;) {
    std::exchange(entry, entry->next_cancelled)->release();
  }
}

inline void ClassLane::admit(Entry* entry, TimePoint now, ack::Wakes& wakes) {
  if (entry->settled()) return let_go_cancelled(entry, wakes);  // and supersedes nobody
  const bool may_expire = entry->deadline != TimePoint::max();
  staging.make_room();
  if (may_expire && deadlines_.size() == deadlines_.capacity()) {
    deadlines_.reserve(2 * deadlines_.size() + 1);
  }
  Entry* const older = entry->has_key() ? supersedable(entry->key(), now) : nullptr;
  staging.add(entry);
  if (older != nullptr) supersede(older, entry, now, wakes);
  flushes_seen_ += entry->kind == EntryKind::barrier ? 1 : 0;
  entry->flushes = flushes_seen_;
  if (may_expire) watch_deadline(entry);
}

bool ClassLane::stage(TimePoint now, ack::Wakes& wakes) {
  bool whole = true;
  bury_cancelled(wakes);
  drained_beside_.store(false);
  if (queue.pending()) whole = drain(now, wakes);
  relieve(now, wakes);
  if (options.when_full == WhenFull::drop_oldest) {
    droppable_from_ = 0;
    while (gate.overfull() && drop_oldest(now, wakes)) {
    }
  }
  expire(now, wakes);
  staging.tidy();
  give_back();
  return whole;
}

bool ClassLane::drain(TimePoint now, ack::Wakes& wakes) {
  const std::uint64_t limit =
      shared() ? 2 * options.capacity_records + kCrowd : options.capacity_records;
  return queue.drain(limit, [&](Entry* entry) { admit(entry, now, wakes); });
}

// The newest staged entry with the key, unless it keeps its place.
Entry* ClassLane::supersedable(std::string_view key, TimePoint now) const {
  Entry* older = staging.find(key);
  if (older == nullptr || older->place < hand_end_ || !older->queued()) return nullptr;
  // Past max_delay it does, or a hot key would be put off for ever.
  const bool may =
      options.max_delay == Duration(0) || now - staging.waits_since(older) <= options.max_delay;
  return may ? older : nullptr;
}

// Once the newer one is committed. What a flush waits for cannot wait behind what comes after that:
// it keeps its place, where there is room for both.
void ClassLane::supersede(Entry* older, Entry* newer, TimePoint now, ack::Wakes& wakes) {
  if (staging.barriers() == 0 || older->flushes == flushes_seen_) {
    staging.put_behind(older, newer);
  } else if (give_back(); gate.overfull()) {
    settle_if_queued(older, End::superseded, now, wakes);
  }
}

// Where room is missing, what waits behind newer ones has none.
void ClassLane::relieve(TimePoint now, ack::Wakes& wakes) {
  give_back();
  while ((gate.overfull() || gate.crowded()) && shed(now, wakes)) {
  }
}

// Supersedes the oldest that waits behind the first record that has others behind it. False if
// there is none.
bool ClassLane::shed(TimePoint now, ack::Wakes& wakes) {
  if (staging.behind() == 0) return false;
  for (std::size_t slot = staging.slot_at(shed_from_); slot < staging.slots(); ++slot) {
    shed_from_ = staging.place_of(slot);
    Entry* const newest = staging.at(slot);
    if (newest == nullptr || newest->ahead == newest) continue;
    const bool in_hand = newest->place < hand_end_;
    if (!(in_hand ? shed_in_hand(newest, now, wakes)
                  : settle_or_bury(newest->ahead, End::superseded, now, wakes))) {
      continue;
    }
    give_back();
    return true;
  }
  return false;
}

// The tick may be about to take it, and then does. What it does not take stays where it is until it
// is over.
bool ClassLane::shed_in_hand(Entry* newest, TimePoint now, ack::Wakes& wakes) {
  Entry* entry = shed_next_ != nullptr ? shed_next_ : newest->ahead;
  while (entry != newest && !entry->take()) entry = entry->ahead;
  shed_next_ = entry == newest ? nullptr : entry->ahead;
  if (entry == newest) return false;
  staging.shed(entry);
  total_.record(now - entry->pushed);
  freed_ += held_by(*entry);
  model::add(ends_[static_cast<std::size_t>(End::superseded)], 1);
  ack::settle_taken(*entry, End::superseded, wakes);
  bury_later(*entry);
  return true;
}

void ClassLane::settle_behind(const Entry& newer, End end, TimePoint now, ack::Wakes& wakes) {
  while (!newer.behind->leads) {
    Entry* const older = newer.behind;
    if (!older->take()) {
      bury(older, wakes);
      continue;
    }
    if (end == End::unknown) {
      older->cause = newer.cause;
      older->commit = newer.commit;
    }
    settle(older, end, now, wakes);
  }
}

bool ClassLane::charge_full(const Entry& entry, TimePoint now, ack::Wakes& wakes) {
  while (awaited_.load(std::memory_order_relaxed)) std::this_thread::yield();
  const std::scoped_lock lock(mutex_);
  const std::uint64_t packed = held_by(entry);
  bool drained = false;
  if (options.coalesce) {
    // The room that a drain makes, others may take before this push. In the end they all find the
    // class full, and wait for its lock.
    for (std::uint64_t arrived = 0; !drained; drained = queue.numbers() == arrived) {
      arrived = queue.numbers();
      if (!drain_beside(now, wakes)) return false;
      do {
        if (gate.grant(packed)) return true;
      } while (shed(now, wakes));
    }
    const Entry* older = entry.has_key() ? supersedable(entry.key(), now) : nullptr;
    if (older != nullptr && gate.grant_beyond(packed, held_by(*older))) return true;
  }
  if (options.when_full != WhenFull::drop_oldest) return false;
  while (!gate.grant_beyond(packed, in_hand_)) {
    if (drop_oldest(now, wakes)) continue;
    if (drained) return gate.force(packed), true;
    if (!drain_beside(now, wakes)) return false;
    drained = true;
  }
  return true;
}

// Called by a thread that pushes. It takes entries out of the queue before the committer thread has
// seen them: drained_beside_ tells that thread, which might sleep, that there is something to do.
bool ClassLane::drain_beside(TimePoint now, ack::Wakes& wakes) {
  if (!queue.pending()) return true;
  drained_beside_.store(true);
  const bool whole = drain(now, wakes);
  if (staging.tidy_behind(hand_end_)) shed_from_ = std::min(shed_from_, hand_end_);
  droppable_from_ = hand_end_;
  relieve(now, wakes);
  return whole;
}

void ClassLane::take_in_hand(std::size_t slots) {
  for (std::size_t slot = 0; slot < slots; ++slot) {
    if (const Entry* entry = staging.at(slot); entry != nullptr) in_hand_ += held_by(*entry);
  }
  hand_end_ = droppable_from_ = staging.place_of(slots);
}

void ClassLane::watch_deadline(Entry* entry) {
  entry->retain();
  deadlines_.push_back({entry->deadline, entry});
  std::push_heap(deadlines_.begin(), deadlines_.end(), kLater);
}

void ClassLane::expire(TimePoint now, ack::Wakes& wakes) {
  forget_settled_deadlines();
  while (!deadlines_.empty() && deadlines_.front().at <= now) {
    std::pop_heap(deadlines_.begin(), deadlines_.end(), kLater);
    const detail::EntryRef entry(deadlines_.back().entry);
    deadlines_.pop_back();
    settle_if_queued(entry.get(), End::expired, now, wakes);
  }
}

// The oldest staged unit that can be dropped; false if there is none.
bool ClassLane::drop_oldest(TimePoint now, ack::Wakes& wakes) {
  for (std::size_t slot = staging.slot_at(droppable_from_); slot < staging.slots(); ++slot) {
    droppable_from_ = staging.place_of(slot);
    Entry* entry = staging.at(slot);
    if (entry == nullptr || entry->kind == EntryKind::barrier) continue;
    if (!settle_or_bury(entry, End::dropped, now, wakes)) continue;
    give_back();
    return true;
  }
  return false;
}

bool ClassLane::settle_if_queued(Entry* entry, End end, TimePoint now, ack::Wakes& wakes) {
  if (!entry->take()) return false;
  settle(entry, end, now, wakes);
  return true;
}

// One that was cancelled makes room as well. False if it is taken.
bool ClassLane::settle_or_bury(Entry* entry, End end, TimePoint now, ack::Wakes& wakes) {
  if (settle_if_queued(entry, end, now, wakes)) return true;
  if (!entry->settled()) return false;
  bury(entry, wakes);
  return true;
}

void ClassLane::settle(Entry* entry, End end, TimePoint now, ack::Wakes& wakes) {
  staging.remove(entry);
  finish(entry, end, now, wakes);
}

void ClassLane::finish(Entry* entry, End end, TimePoint now, ack::Wakes& wakes) {
  if (entry->kind != EntryKind::barrier) total_.record(now - entry->pushed);
  count_out(entry, end);  // before anybody can know that it is settled
  ack::settle_taken(*entry, end, wakes);
  let_go(entry, wakes);
}

// Of a settled entry: the engine's reference, and what its receipt has no use for.
void ClassLane::let_go(Entry* entry, ack::Wakes& wakes) {
  wakes.dispose(std::move(entry->job));
  entry->drop_payload();
  entry->release();
}

bool ClassLane::cancel(Entry& entry) {
  const std::uint64_t packed = held_by(entry);
  const bool unit = entry.kind != EntryKind::barrier;
  entry.lingers = unit && lingering_.grant(packed);
  const bool gives_back = entry.lingers;
  if (!entry.settle_queued(End::cancelled)) {
    if (gives_back) lingering_.release(packed);
    return false;
  }
  if (unit) ends_[static_cast<std::size_t>(End::cancelled)].fetch_add(1, std::memory_order_release);
  if (gives_back) gate.release(packed);
  bury_later(entry);
  return true;
}

void ClassLane::bury_later(Entry& entry) {
  entry.retain();
  entry.next_cancelled = cancelled_.load(std::memory_order_relaxed);
  while (!cancelled_.compare_exchange_weak(entry.next_cancelled, &entry, std::memory_order_release,
                                           std::memory_order_relaxed)) {
  }
}

// What of the cancelled is not staged yet is let go when it would be.
void ClassLane::bury_cancelled(ack::Wakes& wakes) {
  if (cancelled_.load(std::memory_order_relaxed) == nullptr) [[likely]]
    return;
  Entry* entry = cancelled_.exchange(nullptr, std::memory_order_acquire);
  while (entry != nullptr) {
    Entry* one = std::exchange(entry, entry->next_cancelled);
    if (one->staged) bury(one, wakes);
    one->release();
  }
}

void ClassLane::count_committed(std::span<const commit::Work> slice, TimePoint began,
                                TimePoint now) {
  model::HistogramRun waits(wait);
  model::HistogramRun totals(total_);
  std::uint64_t units = 0;
  for (const commit::Work& work : slice) {
    if (!committed_rows(work)) continue;
    const Entry& entry = *work.entry;
    waits.record(began - entry.pushed);
    totals.record(now - entry.pushed);
    freed_ += held_by(entry);
    ++units;
  }
  settled_ += units;
  model::add(ends_[static_cast<std::size_t>(End::committed)], units);
}

void ClassLane::settle_counted(Entry* entry, ack::Wakes& wakes) {
  staging.remove(entry);
  ack::settle_taken(*entry, End::committed, wakes);
  entry->drop_payload();
  entry->release();
}

void ClassLane::bury(Entry* entry, ack::Wakes& wakes) {
  staging.remove(entry);
  let_go_cancelled(entry, wakes);
}

// It was counted when it was cancelled, or shed; not if whoever waited for it let it expire.
void ClassLane::let_go_cancelled(Entry* entry, ack::Wakes& wakes) {
  const std::uint64_t packed = held_by(*entry);
  if (entry->kind == EntryKind::barrier) {
    flushes.release(kOneFlush);
  } else if (entry->shed) {
    ++settled_;
  } else {
    if (entry->lingers) {
      lingering_.release(packed);
    } else {
      freed_ += packed;
    }
    ++settled_;
    model::add(entry->expired() ? ends_[static_cast<std::size_t>(End::expired)] : buried_, 1);
  }
  let_go(entry, wakes);
}

void ClassLane::count_out(const Entry* entry, End end) {
  if (entry->kind == EntryKind::barrier) return flushes.release(kOneFlush);
  freed_ += held_by(*entry);
  ++settled_;
  model::add(ends_[static_cast<std::size_t>(end)], 1);
}

void ClassLane::give_back() {
  if (freed_ == 0) return;
  gate.release(std::exchange(freed_, 0));
}

void ClassLane::end_all(const Status& cause, TimePoint now, ack::Wakes& wakes) {
  for (std::size_t slot = 0; slot < staging.slots();) {
    Entry* entry = staging.at(slot);
    if (entry == nullptr) {
      ++slot;
      continue;
    }
    const bool incomplete = between_steps(*entry);
    if (!incomplete && !entry->take()) {
      bury(entry, wakes);
      continue;
    }
    entry->cause = cause;
    settle(entry, incomplete ? End::incomplete : End::closed, now, wakes);
  }
  staging.compact(staging.slots());
  queue.empty([&](Entry* entry) { discard(entry, cause, now, wakes); });
  give_back();
}

void ClassLane::release_memory() {
  const std::scoped_lock lock(*this);  // a push that is refused may look into it still
  queue.release();
  staging = {};
}

// What there was no memory to stage.
void ClassLane::discard(Entry* entry, const Status& cause, TimePoint now, ack::Wakes& wakes) {
  if (entry->take()) {
    entry->cause = cause;
    return finish(entry, End::closed, now, wakes);
  }
  let_go_cancelled(entry, wakes);
}

// A cancel that is still being counted may have been taken out already.
std::uint64_t ClassLane::ended(std::size_t end) const {
  const std::uint64_t counted = ends_[end].load(std::memory_order_acquire);
  if (end != static_cast<std::size_t>(End::cancelled)) return counted;
  return std::max(counted, buried_.load(std::memory_order_acquire));
}

std::optional<TimePoint> ClassLane::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.front().at;
}

// A settled unit's deadline is nobody's concern, but would keep its entry.
void ClassLane::forget_settled_deadlines() {
  const std::uint64_t staged = staging.size() + queue::Gate::records_of(staging.behind());
  if (deadlines_.size() <= 2 * staged + kSettledDeadlinesMax) return;
  const auto spent = std::remove_if(deadlines_.begin(), deadlines_.end(), [](const Deadline& one) {
    if (!one.entry->settled()) return false;
    one.entry->release();
    return true;
  });
  deadlines_.erase(spent, deadlines_.end());
  std::make_heap(deadlines_.begin(), deadlines_.end(), kLater);
}

ClassStats ClassLane::stats(std::uint64_t rivals) const {
  ClassStats out;
  out.name = options.name;
  std::uint64_t ended = 0;
  for (std::size_t i = 0; i < kEndCount; ++i) {
    out.ends[i] = this->ended(i);
    ended += out.ends[i];
  }
  // After the ends, so that nothing has ended that was not accepted.
  const std::uint64_t not_units = barriers.load(std::memory_order_acquire);
  out.accepted = queue.numbers() - not_units;
  out.in_flight = out.accepted - ended;
  out.refused = refused.load(std::memory_order_relaxed);
  out.offered = out.accepted + out.refused;
  out.queued_records = gate.records();
  out.queued_bytes = gate.bytes();
  out.wait = wait.snapshot();
  out.total = total_.snapshot();
  const schedule::Unit full{.bytes = options.capacity_bytes,
                            .records = static_cast<std::uint32_t>(
                                std::min<std::uint64_t>(options.capacity_records, UINT32_MAX))};
  const schedule::Unit mean{.bytes = full.bytes / full.records, .records = 1};
  out.worst_wait_ticks = schedule::worst_wait_ticks(share, full, mean, rivals);
  return out;
}

}  // namespace onelane::engine
