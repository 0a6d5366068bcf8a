#include "src/engine/pen.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>

#include "src/base/check.h"
#include "src/base/uncancelled.h"

namespace onelane::inline v0::engine {

namespace {

// Units of one class that go into a group before the next class has its turn.
constexpr std::size_t kTurn = 64;

// How long its thread waits where there was no memory.
constexpr Duration kNoMemoryPause = std::chrono::milliseconds(10);
// How often deadlines are looked at while the intake is full.
constexpr Duration kExpiryPause = std::chrono::milliseconds(50);

// Whether the lane only settles what is left.
bool ends(LaneState::Kind kind) {
  return kind == LaneState::Kind::closed || kind == LaneState::Kind::poisoned;
}

}  // namespace

Status Pen::open(std::unique_ptr<intake::Intake> made) {
  if (!not_started_.ok()) return not_started_;
  intake_ = std::move(made);
  with_.keeper.look_after(*intake_);
  if (options_.drive == Drive::thread) not_started_ = start();
  if (not_started_.ok()) open_.store(true, std::memory_order_release);
  return not_started_;
}

// What could not be started once stays so: threads are for one life of the journal.
Status Pen::start() {
  Status started = thread_.start({
      .name = "onelane-intake",
      .step = [this]() -> std::optional<Thread::Sleep> {
        if (run()) return std::nullopt;
        if (no_memory_.load()) return Thread::Sleep{.at_most = kNoMemoryPause};
        if (no_segment_.load()) return Thread::Sleep{.at_most = kExpiryPause};
        return Thread::Sleep{};
      },
      .pending = [this] { return !taken_.load() && pending(); },
  });
  if (!started.ok()) return started;
  started = with_.keeper.start();
  if (!started.ok()) thread_.stop();
  return started;
}

void Pen::stop() {
  thread_.stop();
  with_.keeper.stop();
  if (!is_open()) return;
  while (taken_.exchange(true)) std::this_thread::yield();
  taken_.store(false);
}

Status Pen::seal() {
  if (!is_open()) return {};
  with_.keeper.note_durable();
  return intake_->seal();
}

// The pen is taken for good: a tick by hand may be on its way to it.
void Pen::close() {
  if (!is_open()) return;
  while (taken_.exchange(true)) std::this_thread::yield();
  const std::scoped_lock lock(closing_);
  last_figures_ = intake_->figures();
  open_.store(false, std::memory_order_release);
  intake_.reset();
}

void Pen::lend(const Entry& entry) {
  while (!entry.is_journaled() && !entry.settled() && run()) {
  }
}

// seq_cst: whoever finds the pen taken has pushed before; who has it looks for that after it has
// given it back.
bool Pen::run() {
  if (!is_open() || taken_.exchange(true)) return false;
  const base::Uncancelled uncancelled;
  ack::Wakes wakes;
  const Found found = write_group(wakes);
  no_memory_.store(found == Found::no_memory);
  taken_.store(false);
  if (found == Found::no_memory) {
    if (!thread_.mine()) thread_.wake();  // it tries again after a pause
  } else if (pending()) {
    thread_.ring();
  }
  wakes.fire();
  return found == Found::something;
}

// Whether the holder would find something to do.
bool Pen::pending() const {
  const std::scoped_lock lock(closing_);
  if (!is_open() || no_memory_.load()) return false;
  // Without a segment it is for the keeper to go on.
  const bool stuck = no_segment_.load() && intake_->wants_spare();
  if (stuck && !ends(with_.state.kind())) return false;
  const auto lanes = with_.lanes.all();
  return in_hand_.load() != 0 || std::any_of(lanes.begin(), lanes.end(), [](const auto& lane) {
           return lane->journaled != nullptr && lane->queue.pending();
         });
}

void Pen::go_on() {
  if (pending()) thread_.ring();
}

Pen::Found Pen::write_group(ack::Wakes& wakes) {
  const std::uint64_t before = in_hand_.load();
  const bool over = ends(with_.state.kind());
  const bool whole = drain(over ? Drained::all : Drained::in_order);
  if (over) {
    const bool any = in_hand_.load() != 0;
    hand_back();
    return any ? Found::something : Found::nothing;
  }
  Status failed = fill();
  if (failed.ok() && !intake_->empty()) failed = write();
  if (!failed.ok()) {
    hooks_.poison(failed);
    hand_back();
    return Found::something;
  }
  const std::uint64_t drained = in_hand_.load();
  hand_on(wakes);
  if (in_hand_.load() != drained) return Found::something;
  if (!whole || short_of_memory_) return Found::no_memory;
  return drained != before && !no_segment_.load() ? Found::something : Found::nothing;
}

// False if memory ran out. What the lane only settles needs none: no close may hang for want of it.
bool Pen::drain(Drained what) {
  const bool all = what == Drained::all;
  bool whole = true;
  for (const auto& lane : with_.lanes.all()) {
    if (lane->journaled == nullptr || !lane->queue.pending()) continue;
    const auto take = [this, &lane](Entry* entry) {
      hands_[lane->index].queued.push(entry);
      lane->handed_on.hold();
      in_hand_.fetch_add(1);
    };
    if (all) lane->queue.empty(take);
    whole = (all || lane->queue.drain(lane->terms.records_ever(), take)) && whole;
  }
  return whole;
}

// From the classes in turn, until the group is full or nothing is left.
Status Pen::fill() {
  short_of_memory_ = false;
  const std::size_t count = with_.lanes.count();
  bool more = count != 0;  // it is open before its first class is added
  while (more) {
    more = false;
    for (std::size_t n = 0; n < count; ++n) {
      ClassLane& lane = with_.lanes[(first_ + n) % count];
      if (lane.journaled == nullptr || hands_[lane.index].queued.empty()) continue;
      if (!fill_from(lane)) return intake_->failure();
      more = true;
    }
  }
  first_ = (first_ + 1) % kClassesMax;
  return intake_->failure();
}

// False if the group takes no more.
bool Pen::fill_from(ClassLane& lane) {
  Hand& hand = hands_[lane.index];
  const TimePoint now = with_.clock.now();
  for (std::size_t n = 0; n < kTurn && !hand.queued.empty(); ++n) {
    Entry* const entry = hand.queued.front();
    if (entry->deadline <= now) entry->deadline = TimePoint::min();  // whatever the clock says next
    const bool expires = entry->deadline == TimePoint::min();
    const bool unit = entry->kind <= detail::EntryKind::group && !expires;
    if (unit && entry->take_to_journal()) {
      entry->position = lane.journaled->newest.load(std::memory_order_relaxed) + hand.grouped + 1;
      if (!write_down(lane, *entry)) {
        if (no_segment_.load()) pass_expired(hand, now);
        return false;
      }
      ++hand.grouped;
      ++in_group_;
    }
    pass(hand);  // or it is no unit, settled by now, or for the lane to expire
  }
  return true;
}

// Puts a taken entry into the group; or lets go of it again if there is no room.
bool Pen::write_down(ClassLane& lane, Entry& entry) {
  using Added = intake::Intake::Added;
  Added added = Added::group_is_full;
  try {
    added = intake_->add({.klass = static_cast<std::uint16_t>(lane.index),
                          .group = entry.kind == detail::EntryKind::group,
                          .position = entry.position,
                          .rows = entry.frames()});
  } catch (const std::bad_alloc&) {
    short_of_memory_ = true;
  }
  ONELANE_CHECK(added != Added::too_large, entry.frames().size());  // admission has seen to that
  if (added != Added::no_segment) set_full(false);
  if (added == Added::yes) return true;
  entry.position = 0;
  entry.put_back();
  if (added == Added::no_segment) set_full(true);
  return false;
}

// While nothing can be written: what is past its deadline goes to the lane, which settles it.
void Pen::pass_expired(Hand& hand, TimePoint now) {
  EntryList rest;
  while (!hand.queued.empty()) {
    if (hand.queued.front()->deadline > now) {
      rest.push(hand.queued.pop());
    } else {
      hand.queued.front()->deadline = TimePoint::min();
      pass(hand);
    }
  }
  hand.queued.append(rest);
}

// Gathering ends while the intake has no room: what is gathered holds it.
void Pen::set_full(bool full) {
  if (no_segment_.exchange(full) == full) return;
  for (const auto& lane : with_.lanes.all()) {
    if (lane->journaled != nullptr) lane->journaled->full.store(full);
  }
  if (!full) return;
  waits_.fetch_add(1, std::memory_order_relaxed);
  with_.keeper.wake();
  hooks_.ring();
}

// From the drained ones to those that are handed on with the group.
void Pen::pass(Hand& hand) {
  Entry* const entry = hand.queued.pop();
  hand.hurry |= entry->promise != Promise::journaled;
  hand.group.push(entry);
}

Status Pen::write() {
  const TimePoint began = with_.clock.now();
  Status written = intake_->write();
  times_.record(with_.clock.now() - began);
  units_.record(in_group_);
  return written;
}

// The group is on the disk.
void Pen::hand_on(ack::Wakes& wakes) {
  bool wanted = false;
  const TimePoint now = with_.clock.now();
  in_group_ = 0;
  for (const auto& lane : with_.lanes.all()) {
    Hand& hand = hands_[lane->index];
    if (hand.group.empty()) continue;
    EntryList out;
    std::uint64_t count = 0;
    while (!hand.group.empty()) {
      Entry* const entry = hand.group.pop();
      ++count;
      if (entry->position != 0) {
        entry->deadline = TimePoint::max();
        lane->journaled->newest.store(entry->position, std::memory_order_release);
        wakes.add(entry->become_journaled());
      }
      out.push(entry);
    }
    if (hand.grouped != 0) lane->journaled->times.mark(lane->journaled->newest.load(), now);
    in_hand_.fetch_sub(count);
    wanted |= lane->handed_on.add(out, count, std::exchange(hand.hurry, false), now);
    hand.grouped = 0;
  }
  if (wanted) hooks_.ring();
}

// The lane settles what is left. What was in a group that failed stays taken: nobody can cancel it,
// since the next opening may find it.
void Pen::hand_back() {
  in_group_ = 0;
  for (const auto& lane : with_.lanes.all()) {
    Hand& hand = hands_[lane->index];
    if (hand.group.empty() && hand.queued.empty()) continue;
    EntryList out;
    std::uint64_t count = 0;
    for (EntryList* from : {&hand.group, &hand.queued}) {
      while (!from->empty()) {
        out.push(from->pop());
        ++count;
      }
    }
    in_hand_.fetch_sub(count);
    (void)lane->handed_on.add(out, count, true, with_.clock.now());
    hand.grouped = 0;
  }
  hooks_.ring();
}

void Pen::snapshot(IntakeStats& out) const {
  const std::scoped_lock lock(closing_);
  const intake::IntakeFigures figures = is_open() ? intake_->figures() : last_figures_;
  out.segments = figures.segments;
  out.bytes = figures.bytes;
  out.written_bytes = figures.written;
  out.padding_bytes = figures.padding;
  out.units = figures.units;
  out.waits = waits_.load(std::memory_order_relaxed);
  for (const auto& lane : with_.lanes.all()) {
    if (lane->journaled == nullptr) continue;
    const auto oldest = lane->journaled->times.above(lane->journaled->applied.done_up_to());
    if (oldest && (!out.oldest || *oldest < *out.oldest)) out.oldest = oldest;
  }
  out.units_per_group = units_.snapshot();
  out.sync_ns = times_.snapshot();
}

}  // namespace onelane::inline v0::engine
