// Takes units in: from what a caller gives to an entry in its class's queue. Any thread.
#pragma once

#include <cstdint>
#include <utility>

#include "onelane/job.h"
#include "onelane/options.h"
#include "onelane/record.h"
#include "src/engine/call_sites.h"
#include "src/engine/lane_state.h"
#include "src/engine/lanes.h"
#include "src/engine/pen.h"
#include "src/engine/refusals.h"
#include "src/engine/statements.h"
#include "src/engine/turn.h"
#include "src/model/entry.h"

namespace onelane::inline v0::engine {

// A unit to take in is one of these, a Group, or a Job.
struct RowUnit {
  Statement statement;
  const Row& row;
};

class Admission {
 public:
  struct Parts {
    Lanes& lanes;
    CallSites& sites;
    const Statements& statements;
    const LaneState& state;
    Turn& turn;
    Pen& pen;
    const Durability& durability;
    const Clock& clock;
  };
  // All of the parts must outlive it.
  Admission(const Parts& parts, const JournalOptions& options) : with_(parts), options_(options) {}

  // Which thread sees to the next tick, or, for a class with an intake, the next group: one of the
  // journal's, which is woken if it sleeps, or the caller, which goes on to wait for the outcome
  // and lends its thread.
  enum class NextTick : std::uint8_t { by_thread, by_caller };
  struct Offer {
    const PushOptions& options;
    NextTick next = NextTick::by_thread;
    detail::EntryRef* reference = nullptr;  // gets a reference of its own, if not null
    bool caller_waits = false;              // and goes on once the unit has ended
  };
  // Checks the unit, charges its class, and enqueues it; ok, or why it is refused.
  template <class Unit>
  Status offer(std::uint32_t klass, Unit&& unit, const Offer& how);
  // Enqueues an entry that is settled once everything pushed to the class before it is settled.
  Result<detail::EntryRef> offer_barrier(ClassLane& lane);

 private:
  Status make_entry(ClassLane& lane, const RowUnit& unit, detail::EntryRef& entry) const;
  Status make_entry(ClassLane& lane, const Group& group, detail::EntryRef& entry) const;
  Status make_entry(ClassLane& lane, Job job, detail::EntryRef& entry) const;
  static Status refused(ClassLane& lane, std::uint8_t site, Status why) {
    lane.tally.count_refused(site);
    return why;
  }
  Status check_rows(const Group& group) const;
  Status accept(ClassLane& lane, detail::EntryRef& entry, const Offer& how);
  Status statements_fit(const ClassLane& lane, const Entry& entry) const;
  Status promised(const ClassLane& lane, const Entry& entry, Promise& promise) const;
  Status entrance(const ClassLane& lane) const;
  void ring(const ClassLane& lane);
  Status charge_slowly(ClassLane& lane, const Entry& entry, const PushOptions& options);

  const Parts with_;
  const JournalOptions& options_;
};

template <class Unit>
Status Admission::offer(std::uint32_t klass, Unit&& unit, const Offer& how) {
  ClassLane& lane = with_.lanes[klass];
  // Before any lock is taken.
  if (with_.turn.forked()) return refused(lane, CallSites::kOther, forked_status());
  const std::uint8_t site = with_.sites.index_of(klass, how.options.site);
  detail::EntryRef entry;
  if (Status why = make_entry(lane, std::forward<Unit>(unit), entry); !why.ok()) {
    return refused(lane, site, std::move(why));
  }
  entry->site = site;
  if (how.reference != nullptr) *how.reference = entry->share();
  Status why = accept(lane, entry, how);
  if (!why.ok()) return refused(lane, site, std::move(why));
  return why;
}

}  // namespace onelane::inline v0::engine
