#include "src/engine/class_lane.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "src/base/check.h"

namespace onelane::inline v0::engine {

using detail::EntryKind;

namespace {

// A shared() class may have twice its capacity queued, cancelled units included, and one unit more
// for each of this many threads that push at the same moment.
constexpr std::uint64_t kCrowd = 4096;

// It is superseded, and no commit goes over it.
void skip(JournaledClass* journaled, const Entry& entry) {
  if (entry.is_journaled()) journaled->applied.skip(entry.position);
}

// Drops what the receipt of a settled entry has no use for, and the engine's reference.
void let_go(Entry* entry, ack::Wakes& wakes) {
  wakes.dispose(std::move(entry->job));
  entry->drop_payload();
  entry->release();
}

}  // namespace

bool between_steps(const Entry& entry) {
  return entry.kind == EntryKind::job && entry.job->steps > 0;
}

ClassLane::ClassLane(std::uint32_t number, const ClassOptions& given, const Budget& tick,
                     const CallSites& sites)
    : index(number),
      name(given.name),
      coalesces(given.coalesce),
      gate(given.capacity_records, given.capacity_bytes),
      tally(sites, number),
      journaled(given.intake ? std::make_unique<JournaledClass>(given.name) : nullptr),
      options_(given),
      share_(schedule::share_of(given, tick)),
      shared_(given.coalesce || given.when_full == WhenFull::drop_oldest),
      cancelled_(given.capacity_records, given.capacity_bytes) {
  terms.set(options_);
  terms.set_step_bytes_max(share_.budget.bytes);
}

void ClassLane::set_options(ClassOptions&& options, const schedule::Share& share) noexcept {
  {
    const std::scoped_lock lock(options_mutex_);
    options_ = std::move(options);
    ++changes_;
  }
  set_share(share);
  terms.set(options_);
  if (options_.when_full == WhenFull::drop_oldest) shared_.store(true, std::memory_order_release);
  cancelled_.resize(options_.capacity_records, options_.capacity_bytes);
  gate.resize(options_.capacity_records, options_.capacity_bytes);
}

void ClassLane::set_share(const schedule::Share& share) noexcept {
  const std::scoped_lock lock(options_mutex_);
  share_ = share;
  terms.set_step_bytes_max(share.budget.bytes);
}

inline void ClassLane::admit(Entry* entry, TimePoint now, ack::Wakes& wakes) {
  if (entry->settled()) return bury(entry, wakes);  // and supersedes nobody
  const bool may_expire = entry->deadline != TimePoint::max();
  staging.make_room();
  if (journaled != nullptr && coalesces) {
    journaled->applied.make_room(staging.size() + queue::Gate::records_of(staging.behind()) + 1);
  }
  if (may_expire) deadlines_.make_room();
  Entry* const older = entry->has_key() ? supersedable(entry->key(), now) : nullptr;
  staging.add(entry);
  if (entry->kind != EntryKind::barrier) tally.count_offered(*entry, now);
  if (older != nullptr) supersede(older, entry, now, wakes);
  flushes_seen_ += entry->kind == EntryKind::barrier ? 1 : 0;
  entry->flushes = flushes_seen_;
  if (may_expire) deadlines_.add(entry);
}

bool ClassLane::stage(TimePoint now, ack::Wakes& wakes) {
  bool whole = true;
  cancelled_.take_all([&](Entry* entry) {
    if (entry->staged) bury(entry, wakes);  // what is queued yet is let go when it would be staged
  });
  drained_beside_.store(false);
  if (journaled != nullptr || queue.pending()) whole = drain(now, wakes);
  relieve(now, wakes);
  if (options_.when_full == WhenFull::drop_oldest) {
    eviction_.start_over();
    while (gate.overfull() && evict(eviction_.oldest(), End::dropped, now, wakes)) {
    }
  }
  expire(now, wakes);
  staging.tidy();
  give_back();
  return whole;
}

bool ClassLane::take_handed_on(TimePoint now, ack::Wakes& wakes) {
  try {
    handed_on.take_all([&](Entry* entry) { admit(entry, now, wakes); });
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool ClassLane::drain(TimePoint now, ack::Wakes& wakes) {
  if (journaled != nullptr) return take_handed_on(now, wakes);
  const std::uint64_t most = terms.records_ever();
  const std::uint64_t limit = shared() ? 2 * most + kCrowd : most;
  return queue.drain(limit, [&](Entry* entry) { admit(entry, now, wakes); });
}

// The newest staged entry with the key, unless it keeps its place.
Entry* ClassLane::supersedable(std::string_view key, TimePoint now) const {
  Entry* const older = staging.find(key);
  if (older == nullptr || eviction_.has_in_hand(*older) || !older->queued()) return nullptr;
  // Past max_delay it does, or a hot key would be put off for ever.
  const bool may =
      options_.max_delay == Duration(0) || now - staging.waits_since(older) <= options_.max_delay;
  return may ? older : nullptr;
}

// The older record waits until the newer one is committed. One that a flush waits for cannot wait
// behind what was pushed after the flush: it keeps its place, if there is room for both.
void ClassLane::supersede(Entry* older, Entry* newer, TimePoint now, ack::Wakes& wakes) {
  if (staging.barriers() == 0 || older->flushes == flushes_seen_) {
    staging.put_behind(older, newer);
  } else if (give_back(); gate.overfull() && older->take()) {
    skip(journaled.get(), *older);
    settle(older, End::superseded, now, wakes);
  }
}

// While room is missing, supersedes what waits behind newer records.
void ClassLane::relieve(TimePoint now, ack::Wakes& wakes) {
  give_back();
  while ((gate.overfull() || gate.crowded()) &&
         evict(eviction_.oldest_behind(), End::superseded, now, wakes)) {
  }
}

// Settles what Eviction chose, and gives its room back. False if it chose nothing.
bool ClassLane::evict(Entry* chosen, End end, TimePoint now, ack::Wakes& wakes) {
  if (chosen == nullptr) return false;
  if (chosen->settled()) {
    bury(chosen, wakes);
  } else if (chosen->shed) {  // a tick has it in hand: it stays staged until that is over
    skip(journaled.get(), *chosen);
    tally.count_shed(*chosen, now);
    ack::settle_taken(*chosen, end, wakes);
    cancelled_.add(*chosen);
  } else {
    skip(journaled.get(), *chosen);
    settle(chosen, end, now, wakes);
  }
  give_back();
  return true;
}

bool ClassLane::charge_full(const Entry& entry, TimePoint now, ack::Wakes& wakes) {
  while (awaited_.load(std::memory_order_relaxed)) std::this_thread::yield();
  const std::scoped_lock lock(mutex_);
  const std::uint64_t packed = charge_of(entry);
  bool drained = false;
  if (coalesces) {
    // The room that a drain makes, others may take before this push. In the end they all find the
    // class full, and wait for its lock.
    for (std::uint64_t arrived = 0; !drained; drained = queue.numbers() == arrived) {
      arrived = queue.numbers();
      if (!drain_beside(now, wakes)) return false;
      do {
        if (gate.grant(packed)) return true;
      } while (evict(eviction_.oldest_behind(), End::superseded, now, wakes));
    }
    const Entry* older = entry.has_key() ? supersedable(entry.key(), now) : nullptr;
    if (older != nullptr && gate.grant_beyond(packed, charge_of(*older))) return true;
    // Room that was granted so to other pushes, which have not arrived yet, is not held against
    // this one: as many as threads push. With an intake they are at the pen until they are synced,
    // and could be any number.
    const bool few = journaled == nullptr;
    if (few && older != nullptr && entry.footprint <= older->footprint) {
      return gate.force(packed), true;
    }
  }
  if (options_.when_full != WhenFull::drop_oldest) return false;
  while (!gate.grant_beyond(packed, eviction_.in_hand())) {
    if (evict(eviction_.oldest(), End::dropped, now, wakes)) continue;
    if (drained) return gate.force(packed), true;
    if (!drain_beside(now, wakes)) return false;
    drained = true;
  }
  return true;
}

// Called by a thread that pushes. It takes entries out of the queue before the committer thread has
// seen them: drained_beside_ tells that thread, which might sleep, that there is something to do.
bool ClassLane::drain_beside(TimePoint now, ack::Wakes& wakes) {
  if (journaled == nullptr ? !queue.pending() : !handed_on.any()) return true;
  drained_beside_.store(true);
  const bool whole = drain(now, wakes);
  eviction_.tidy();
  relieve(now, wakes);
  return whole;
}

void ClassLane::expire(TimePoint now, ack::Wakes& wakes) {
  deadlines_.forget_settled(staging.size() + queue::Gate::records_of(staging.behind()));
  while (const detail::EntryRef due = deadlines_.take_due(now)) {
    if (due->take()) settle(due.get(), End::expired, now, wakes);
  }
}

void ClassLane::settle(Entry* entry, End end, TimePoint now, ack::Wakes& wakes) {
  if (entry->staged) staging.remove(entry);
  if (entry->kind == EntryKind::barrier) {
    flushes.release(kOneFlush);
  } else {
    tally.count(*entry, end, now);
  }
  ack::settle_taken(*entry, end, wakes);
  let_go(entry, wakes);
}

void ClassLane::settle_behind(const Entry& newer, End end, TimePoint now, ack::Wakes& wakes) {
  while (!newer.behind->leads) {
    Entry* const older = newer.behind;
    if (!older->take()) {
      bury(older, wakes);
      continue;
    }
    if (end == End::unknown || end == End::carried) {
      older->cause = newer.cause;
      older->commit = newer.commit;
    }
    settle(older, end, now, wakes);
  }
}

void ClassLane::bury(Entry* entry, ack::Wakes& wakes) {
  ONELANE_CHECK(entry->settled(), entry->seq);  // or its ticket would never be
  if (entry->staged) staging.remove(entry);
  if (entry->kind == EntryKind::barrier) {
    flushes.release(kOneFlush);
  } else {
    tally.count_taken_out(*entry);
    if (!entry->shed && entry->lingers) cancelled_.forget(charge_of(*entry));
  }
  let_go(entry, wakes);
}

bool ClassLane::cancel(Entry& entry) {
  if (!cancelled_.cancel(entry)) return false;
  if (entry.kind != EntryKind::barrier) tally.count_cancelled();
  if (entry.lingers) gate.release(charge_of(entry));
  cancelled_.add(entry);
  return true;
}

void ClassLane::settle_all(const Status& cause, TimePoint now, ack::Wakes& wakes) {
  const auto end = [&](Entry* entry) {
    const bool incomplete = between_steps(*entry);
    // It was in the group that failed, and is taken: the next opening finds it, or does not.
    const bool unknown = entry->position != 0 && !entry->is_journaled();
    if (!incomplete && !unknown && !entry->take()) return bury(entry, wakes);
    entry->cause = cause;
    const End otherwise = entry->is_journaled() ? End::carried : End::closed;
    settle(entry, incomplete ? End::incomplete : unknown ? End::unknown : otherwise, now, wakes);
  };
  for (std::size_t slot = 0; slot < staging.slots(); ++slot) {
    while (Entry* entry = staging.at(slot)) end(entry);  // what waits behind it is next
  }
  staging.compact(staging.slots());
  if (journaled == nullptr) {
    queue.empty(end);  // what there was no memory to stage
  } else {
    handed_on.take_all(end);  // what is queued yet, the pen will hand on
  }
  give_back();
}

void ClassLane::release_memory() {
  const std::scoped_lock lock(*this);  // a push that is refused may look into it still
  queue.release();
  staging = {};
}

ClassStats ClassLane::stats(std::uint64_t rivals, TimePoint opened, TimePoint now) const {
  ClassStats out;
  out.name = name;
  const std::uint64_t ended = tally.fill(out, opened, now);
  // After the ends, so that nothing has ended that was not accepted.
  const std::uint64_t not_units = tally.barriers.load(std::memory_order_acquire);
  out.accepted = queue.numbers() - not_units;
  out.in_flight = out.accepted - ended;
  out.offered = out.accepted + out.refused;
  out.queued_records = gate.records();
  out.queued_bytes = gate.bytes();
  const std::scoped_lock lock(options_mutex_);
  out.options = options_;
  out.changes = changes_;
  const schedule::Unit full{.bytes = options_.capacity_bytes,
                            .records = static_cast<std::uint32_t>(
                                std::min<std::uint64_t>(options_.capacity_records, UINT32_MAX))};
  const schedule::Unit mean{.bytes = full.bytes / full.records, .records = 1};
  if (journaled != nullptr) {
    out.journaled_position = journaled->newest.load(std::memory_order_acquire);
    out.applied_position = journaled->applied.done_up_to();
    out.dead_letters = journaled->dead_letters.load(std::memory_order_relaxed);
  }
  out.worst_wait_ticks = schedule::worst_wait_ticks(share_, full, mean, rivals);
  return out;
}

}  // namespace onelane::inline v0::engine
