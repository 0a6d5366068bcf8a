#include "src/engine/settlement.h"

#include <algorithm>
#include <utility>

namespace onelane::inline v0::engine {

using commit::Verdict;
using commit::Work;
using detail::EntryKind;

// Each is counted before anybody can know of it.
void Settlement::settle(std::span<Work> work, const commit::TickResult& result, const At& at) {
  const std::uint64_t commit = result.committed ? recorder_.count_commit() : recorder_.committed();
  if (result.committed) count(work, result, {.began = at.began, .now = at.now, .commit = commit});
  for (Work& each : work) {
    if (!each.entry->leads) {
      const bool left = each.verdict == Verdict::left;  // those ahead run again, too
      settle_passed(each, left ? GaveWay::queued : GaveWay::rejected, at);
    }
    if (committed_rows(each)) {
      settle_committed(each, commit, at);
      continue;
    }
    const bool began = each.taken && each.verdict != Verdict::left && !between_steps(*each.entry);
    if (began && each.entry->kind != EntryKind::barrier) {
      lane_of(each).tally.count_began(*each.entry, at.began, at.now);
    }
    settle(each, commit, at);
  }
}

// Rows, a slice at a time.
void Settlement::count(std::span<const Work> work, const commit::TickResult& result,
                       SliceDone done) {
  while (!work.empty()) {
    const auto next = std::find_if(work.begin(), work.end(), [&](const Work& each) {
      return each.slice != work.front().slice;
    });
    const auto slice = work.first(static_cast<std::size_t>(next - work.begin()));
    const commit::SliceTime& time = result.slices[slice.front().slice];
    done.held = time.held;
    done.weight = commit::weight_of(time.records, time.bytes);
    lane_of(slice.front()).tally.count_committed(slice, done);
    work = work.subspan(slice.size());
  }
}

void Settlement::settle_committed(Work& work, std::uint64_t commit, const At& at) {
  ClassLane& lane = lane_of(work);
  lane.settle_behind(*work.entry, End::superseded, at.now, at.wakes);
  work.entry->commit = commit;
  lane.settle_counted(work.entry, at.wakes);
}

void Settlement::settle(Work& work, std::uint64_t commit, const At& at) {
  switch (work.verdict) {
    case Verdict::applied:
      settle_applied(work, commit, at);
      break;
    case Verdict::left:
    case Verdict::deferred:
      if (work.taken && !between_steps(*work.entry)) work.entry->put_back();
      break;
    case Verdict::gone:
      lane_of(work).bury(work.entry, at.wakes);
      break;
    case Verdict::rejected:
    case Verdict::culprit:
      lane_of(work).settle(work.entry, between_steps(*work.entry) ? End::incomplete : End::rejected,
                           at.now, at.wakes);
      break;
  }
}

// A job's step, or a barrier.
void Settlement::settle_applied(Work& work, std::uint64_t commit, const At& at) {
  Entry& entry = *work.entry;
  entry.commit = commit;
  if (entry.kind == EntryKind::job) {
    entry.changes += entry.job->changes;
    entry.steps = ++entry.job->steps;
    entry.job->attempt = 0;
    if (entry.job->step == Step::more) {
      ++steps_;
      return;  // keeps its place, taken
    }
  }
  lane_of(work).settle(&entry, End::committed, at.now, at.wakes);
}

// Of those ahead of it that gave way to it: culprits are rejected in any case, but for journaled
// ones whose refusal was rolled back with the rest.
void Settlement::settle_passed(Work& work, GaveWay how, const At& at) {
  ClassLane& lane = lane_of(work);
  for (Entry* next = newest(work.entry); next != work.entry;) {
    Entry* const passed = std::exchange(next, next->behind);
    if (passed->settled()) {
      lane.bury(passed, at.wakes);
    } else if (passed->is_journaled() && how == GaveWay::undone) {
      passed->condemned |= passed->culprit;
      if (!passed->queued()) passed->put_back();
    } else if (passed->culprit || how == GaveWay::rejected) {
      lane.tally.count_began(*passed, at.began, at.now);
      lane.settle(passed, End::rejected, at.now, at.wakes);
    } else if (!passed->queued()) {
      passed->put_back();
    }
  }
}

void Settlement::put_back(std::span<Work> work, const At& at) {
  for (Work& each : work) put_back(each, at);
}

void Settlement::put_back(Work& work, const At& at) {
  if (!work.entry->leads) settle_passed(work, GaveWay::undone, at);
  // A journaled one is refused in a commit that says so.
  if (work.verdict == Verdict::culprit && work.entry->is_journaled()) work.entry->condemned = true;
  const bool ended = work.verdict == Verdict::culprit && !work.entry->condemned;
  if (work.verdict == Verdict::gone || ended) {
    settle(work, recorder_.committed(), at);
  } else if (work.taken) {
    between_steps(*work.entry) ? work.entry->forget_outcome() : work.entry->put_back();
  }
}

// While a fence is waited for, their class may settle them, or forget that they were.
std::span<Work> Settlement::leave_behind(std::span<Work> work, const At& at) {
  for (Work& each : work) {
    const bool none = each.verdict == Verdict::gone || each.verdict == Verdict::culprit;
    if (each.taken && !none) continue;
    put_back(each, at);  // and the records that gave way to it
    each.taken = false;
  }
  const auto rest =
      std::remove_if(work.begin(), work.end(), [](auto& each) { return !each.taken; });
  return work.first(static_cast<std::size_t>(rest - work.begin()));
}

void Settlement::settle_found(std::span<Work> work, const At& at) {
  commit::TickResult result;
  result.committed = true;
  result.slices.resize(work.empty() ? 0 : work.back().slice + 1);
  for (const Work& each : work) {
    if (each.verdict != Verdict::applied) continue;
    result.slices[each.slice].records += each.entry->rows;
    result.slices[each.slice].bytes += each.entry->bytes;
  }
  settle(work, result, at);
}

void Settlement::settle_unknown(std::span<Work> work, std::uint64_t commit, const Status& cause,
                                const At& at) {
  for (Work& each : work) {
    if (each.verdict != Verdict::applied) {
      put_back(each, at);
      continue;
    }
    if (!each.entry->leads) settle_passed(each, GaveWay::undone, at);
    ClassLane& lane = lane_of(each);
    each.entry->forget_outcome();
    each.entry->cause = cause;
    each.entry->commit = commit;
    // Of a journaled one the next opening can tell.
    const End end = each.entry->is_journaled() ? End::carried : End::unknown;
    lane.settle_behind(*each.entry, end, at.now, at.wakes);
    lane.settle(each.entry, end, at.now, at.wakes);
  }
}

}  // namespace onelane::inline v0::engine
