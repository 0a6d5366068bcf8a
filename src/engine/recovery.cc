#include "src/engine/recovery.h"

#include <algorithm>
#include <utility>

#include "src/base/memory.h"
#include "src/engine/probe.h"

namespace onelane::inline v0::engine {

using commit::Verdict;
using commit::Work;

bool Recovery::idle(TimePoint now) const {
  const auto lanes = lanes_.all();
  return std::all_of(lanes.begin(), lanes.end(), [&](const auto& lane) {
    return lane->staging.empty() || quarantines_[lane->index].until(now);
  });
}

bool Recovery::others_wait() const {
  const auto lanes = lanes_.all();
  return std::any_of(lanes.begin(), lanes.end(), [&](const auto& lane) {
    return !quarantines_[lane->index].on() && !lane->staging.empty();
  });
}

std::optional<TimePoint> Recovery::next_turn(std::optional<TimePoint> due, TimePoint now) {
  if (quarantined_ && due) {
    quarantines_[*quarantined_].idle_until(*due, lanes_[*quarantined_].may_rest());
  }
  std::optional<TimePoint> next;
  for (std::size_t i = 0; i < quarantines_.size(); ++i) {
    const Quarantine& each = quarantines_[i];
    if (!each.on() || each.until(now) || lanes_[i].staging.empty() || i == quarantined_) continue;
    const TimePoint turn = each.idle(now, lanes_[i].may_rest()).value_or(now);
    if (!next || turn < *next) next = turn;
  }
  return next;
}

void Recovery::next_class(TimePoint now) {
  const bool others_first = quarantined_ && others_wait();
  quarantined_.reset();
  const std::size_t count = quarantines_.size();
  for (std::size_t n = 1; n <= count && !others_first; ++n) {
    const std::size_t i = (last_quarantined_ + n) % count;
    const Quarantine& each = quarantines_[i];
    if (!each.on() || each.until(now) || lanes_[i].staging.empty()) continue;
    quarantined_ = last_quarantined_ = i;
    return;
  }
}

void Recovery::committed(std::size_t units) {
  quarantined_ ? quarantines_[*quarantined_].succeeded(units) : retry_.succeeded(units);
}

void Recovery::backed_off(const commit::TickResult& result, std::span<Work> work) {
  if (!result.transaction) {  // BEGIN failed, whatever the units
    not_before_ = result.ended + retry_.failed();
    if (retry_.impatient()) prove_store(result.cause, result.ended);
  } else if (work.size() == 1) {
    failed_alone(work.front(), Store::unasked, result.cause, result.ended);
  } else if (!failed_among_others(result.suspect)) {
    not_before_ = result.ended + retry_.failed(work.size());
  }
}

// Whether a class is known whose units failed: then they are tried one by one, and the others go on
// at once.
bool Recovery::failed_among_others(const detail::Entry* suspect) {
  if (suspect != nullptr) {
    quarantines_[suspect->klass].begin();
  } else if (quarantined_) {
    quarantines_[*quarantined_].begin();
  }
  return suspect != nullptr || quarantined_;
}

// A unit failed alone in its transaction. Its class pauses; after kPatience failures the store is
// put to the proof, and after kStorePatience of pauses the unit ends.
void Recovery::failed_alone(Work& work, Store store, const Status& cause, TimePoint now) {
  Quarantine& quarantine = quarantines_[work.entry->klass];
  quarantine.failed_alone(work.entry->seq, now);
  if (store == Store::unasked && quarantine.impatient()) store = prove_store(cause, now);
  if (store == Store::failed_too) quarantine.store_failed_too();
  const bool own_fault = cause.code() == Errc::record;  // which only COMMIT could find
  const bool ends = store == Store::takes_commits && quarantine.exhausted();
  if (!work.taken || (!own_fault && !ends)) return;
  work.verdict = Verdict::culprit;
  work.entry->cause = own_fault ? cause : base::worded(cause.code(), cause.sqlite_code(), [&] {
    return cause.message() + " (tried alone for " + std::to_string(kStorePatience.count()) +
           " s, while other commits succeeded)";
  });
  quarantine.succeeded(0);
}

// Says no more than that somebody holds a lock if the probe is locked out.
Recovery::Store Recovery::prove_store(const Status& cause, TimePoint now) {
  const Reply probed = probe(sink_, lanes_);
  if (probed.ok()) return Store::takes_commits;
  if (in_the_way(probed.fault)) return Store::unasked;
  state_.stall(cause);
  not_before_ = now + retry_.failed();
  return Store::failed_too;
}

// With nothing staged, too: pushes are refused until it succeeds.
Reply Recovery::probe_again(TimePoint now) {
  Reply reply = probe(sink_, lanes_);
  if (reply.ok()) {
    state_.recover();
    not_before_.reset();
  } else {
    not_before_ = now + (in_the_way(reply.fault) ? retry_.locked() : retry_.failed());
  }
  return reply;
}

// A lock says nothing about the store; while that takes no commits, it takes no records, either.
void Recovery::fence_failed(const Reply& fenced, TimePoint now) {
  fence_failed_ = true;
  if (in_the_way(fenced.fault)) return locked(now);
  not_before_ = now + retry_.failed();
  if (retry_.impatient()) state_.stall(fenced.cause);
}

void Recovery::fenced(std::span<Work> work, const Status& cause, TimePoint now) {
  not_before_.reset();
  const bool failed_too = std::exchange(fence_failed_, false);
  if (work.size() == 1) {
    failed_alone(work.front(), failed_too ? Store::failed_too : Store::takes_commits, cause, now);
  } else if (!failed_among_others(nullptr)) {
    not_before_ = now + retry_.failed(work.size());
  }
}

void Recovery::found_committed(std::size_t units) {
  not_before_.reset();
  fence_failed_ = false;
  committed(units);
}

}  // namespace onelane::inline v0::engine
