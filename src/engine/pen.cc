#include "src/engine/pen.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>

#include "src/base/memory.h"
#include "src/base/uncancelled.h"
#include "src/engine/patience.h"

namespace onelane::engine {

namespace {

// Units of one class that go into a group before the next class has its turn.
constexpr std::size_t kTurn = 64;

// How long the threads wait where there was no memory, or no room on the disk.
constexpr Duration kNoMemoryPause = std::chrono::milliseconds(10);
constexpr Duration kNoRoomPause = std::chrono::seconds(1);

// Whether the lane only settles what is left.
bool ends(LaneState::Kind kind) {
  return kind == LaneState::Kind::closed || kind == LaneState::Kind::poisoned;
}

}  // namespace

Status Pen::open(std::unique_ptr<intake::Intake> made) {
  intake_ = std::move(made);
  open_.store(true, std::memory_order_release);
  if (options_.drive == Drive::manual) return {};
  Status started = keeper_.start({
      .step = [this]() -> std::optional<Thread::Sleep> {
        if (keep_segments()) return Thread::Sleep{};
        return Thread::Sleep{.at_most = kNoRoomPause};
      },
      .pending = [] { return false; },
  });
  if (!started.ok()) return started;
  return thread_.start({
      .step = [this]() -> std::optional<Thread::Sleep> {
        if (run()) return std::nullopt;
        if (no_memory_.load()) return Thread::Sleep{.at_most = kNoMemoryPause};
        return Thread::Sleep{};
      },
      .pending = [this] { return !taken_.load() && pending(); },
  });
}

void Pen::stop() {
  thread_.stop();
  keeper_.stop();
  while (taken_.exchange(true)) std::this_thread::yield();
  taken_.store(false);
}

Status Pen::seal() { return is_open() ? intake_->seal() : Status(); }

void Pen::close() {
  if (!is_open()) return;
  const std::scoped_lock lock(figures_mutex_);
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
  taken_.store(false);
  no_memory_.store(found == Found::no_memory);
  if (found != Found::no_memory && pending()) thread_.ring();
  wakes.fire();
  return found == Found::something;
}

bool Pen::pending() const {
  if (no_memory_.load()) return false;
  if (ends(with_.state.kind()) ? in_hand_.load() != 0 : in_hand_.load() != 0 && !no_segment_.load())
    return true;
  for (const auto& lane : with_.lanes.all()) {
    if (lane->journaled != nullptr && lane->queue.pending() && !no_segment_.load()) return true;
  }
  return false;
}

Pen::Found Pen::write_group(ack::Wakes& wakes) {
  const std::uint64_t before = in_hand_.load();
  const bool whole = drain();
  if (ends(with_.state.kind())) {
    const bool any = in_hand_.load() != 0;
    hand_back();
    return any ? Found::something : Found::nothing;
  }
  Status failed = fill(wakes);
  if (failed.ok() && !intake_->empty()) failed = write();
  if (!failed.ok()) {
    hooks_.poison(failed);
    hand_back();
    return Found::something;
  }
  const std::uint64_t drained = in_hand_.load();
  hand_on(wakes);
  if (in_hand_.load() != drained || drained != before) return Found::something;
  return whole ? Found::nothing : Found::no_memory;
}

// False if memory ran out.
bool Pen::drain() {
  bool whole = true;
  for (const auto& lane : with_.lanes.all()) {
    if (lane->journaled == nullptr || !lane->queue.pending()) continue;
    Hand& hand = hands_[lane->index];
    whole = lane->queue.drain(lane->options.capacity_records, [&](Entry* entry) {
      hand.queued.push(entry);
      lane->handed_on.hold();
      in_hand_.fetch_add(1);
    }) && whole;
  }
  return whole;
}

// From the classes in turn, until the group is full or nothing is left.
Status Pen::fill(ack::Wakes& wakes) {
  const std::size_t count = with_.lanes.count();
  bool more = count != 0;  // it is open before its first class is added
  while (more) {
    more = false;
    for (std::size_t n = 0; n < count; ++n) {
      ClassLane& lane = with_.lanes[(first_ + n) % count];
      if (lane.journaled == nullptr || hands_[lane.index].queued.empty()) continue;
      if (!fill_from(lane, wakes)) return intake_->failure();
      more = true;
    }
  }
  first_ = (first_ + 1) % kClassesMax;
  return intake_->failure();
}

// False if the group takes no more.
bool Pen::fill_from(ClassLane& lane, ack::Wakes& wakes) {
  Hand& hand = hands_[lane.index];
  const TimePoint now = with_.clock.now();
  for (std::size_t n = 0; n < kTurn && !hand.queued.empty(); ++n) {
    Entry* const entry = hand.queued.front();
    if (entry->deadline <= now && entry->position == 0 && entry->settle_queued(End::expired)) {
      wakes.add(entry->close_watch());
    }
    const bool unit = entry->kind <= detail::EntryKind::group;
    if (unit && entry->position == 0 && entry->take_to_journal()) {
      entry->position = lane.journaled->newest.load(std::memory_order_relaxed) + hand.grouped + 1;
    }
    if (entry->position == 0) {  // no unit, or settled by now
      pass(hand);
      continue;
    }
    intake::Intake::Added added = intake::Intake::Added::group_is_full;
    try {
      added = intake_->add({.klass = static_cast<std::uint16_t>(lane.index),
                            .group = entry->kind == detail::EntryKind::group,
                            .position = entry->position,
                            .rows = entry->frames()});
    } catch (const std::bad_alloc&) {
      return false;
    }
    if (added == intake::Intake::Added::no_segment && !no_segment_.exchange(true)) {
      waits_.fetch_add(1, std::memory_order_relaxed);
      keeper_.ring();
    }
    if (added != intake::Intake::Added::yes) return false;
    ++hand.grouped;
    ++in_group_;
    pass(hand);
  }
  return true;
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
    in_hand_.fetch_sub(count);
    wanted |= lane->handed_on.add(out, count, std::exchange(hand.hurry, false), now);
    hand.grouped = 0;
  }
  if (wanted) hooks_.ring();
}

// The lane settles what is left, as it was: what was in a group that failed keeps its position.
void Pen::hand_back() {
  in_group_ = 0;
  for (const auto& lane : with_.lanes.all()) {
    Hand& hand = hands_[lane->index];
    if (hand.group.empty() && hand.queued.empty()) continue;
    if (!hand.queued.empty() && hand.queued.front()->position != 0) {
      hand.queued.front()->put_back();
      hand.queued.front()->position = 0;
    }
    EntryList out;
    std::uint64_t count = 0;
    while (!hand.group.empty()) {
      Entry* const entry = hand.group.pop();
      if (entry->position != 0) entry->put_back();
      out.push(entry);
      ++count;
    }
    while (!hand.queued.empty()) {
      out.push(hand.queued.pop());
      ++count;
    }
    in_hand_.fetch_sub(count);
    (void)lane->handed_on.add(out, count, true, with_.clock.now());
    hand.grouped = 0;
  }
  hooks_.ring();
}

// Whether a segment is free now.
bool Pen::keep_segments() {
  if (!intake_->wants_spare()) return go_on();
  std::array<intake::Applied, kClassesMax> all;
  std::size_t count = 0;
  for (const auto& lane : with_.lanes.all()) {
    if (lane->journaled == nullptr) continue;
    all[count++] = {.klass = static_cast<std::uint16_t>(lane->index),
                    .up_to = lane->journaled->applied.done_up_to()};
  }
  const std::span<const intake::Applied> applied = std::span(all).first(count);
  const bool frees = oldest_is_applied(applied);
  if (frees) {
    // Read after the positions: so they are in that commit, or in one before.
    const std::uint64_t commit = with_.recorder.committed();
    if (!with_.durability.wait(commit, std::nullopt, Syncer::waiter).ok()) return true;
    intake_->applied(applied);
  }
  const TimePoint now = with_.clock.now();
  if (!frees && not_before_ && now < *not_before_) return false;
  not_before_.reset();
  const Result<bool> kept = intake_->keep_spare();
  if (!kept && !intake_->failure().ok()) hooks_.poison(intake_->failure());
  if (!kept || !*kept) {
    not_before_ = now + kNoRoomPause;
    return false;
  }
  return go_on();
}

bool Pen::go_on() {
  if (no_segment_.exchange(false)) thread_.ring();
  return true;
}

// Whether the oldest segment holds nothing that is not committed.
bool Pen::oldest_is_applied(std::span<const intake::Applied> applied) const {
  bool any = false;
  for (const intake::Applied& each : applied) {
    const Position needed = intake_->holds_up(each.klass);
    if (needed > each.up_to) return false;
    any |= needed != 0;
  }
  return any;
}

void Pen::snapshot(IntakeStats& out) const {
  const std::scoped_lock lock(figures_mutex_);
  const intake::IntakeFigures figures = is_open() ? intake_->figures() : last_figures_;
  out.segments = figures.segments;
  out.bytes = figures.bytes;
  out.written = figures.written;
  out.padding = figures.padding;
  out.units = figures.units;
  out.waits = waits_.load(std::memory_order_relaxed);
  out.units_per_group = units_.snapshot();
  out.sync = times_.snapshot();
}

}  // namespace onelane::engine
