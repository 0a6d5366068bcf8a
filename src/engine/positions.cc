#include "src/engine/positions.h"

#include <algorithm>

#include "src/base/check.h"
#include "src/engine/staging.h"
#include "src/model/row.h"

namespace onelane::inline v0::engine {

using commit::Verdict;
using commit::Work;
using detail::Entry;
using detail::EntryKind;

void Positions::add_class(std::uint32_t klass, JournaledClass* journaled) {
  if (classes_.size() <= klass) classes_.resize(klass + 1);
  classes_[klass] = journaled;
}

JournaledClass* Positions::class_of(const Entry& entry) const {
  return entry.klass < classes_.size() ? classes_[entry.klass] : nullptr;
}

bool Positions::owed(std::span<const Work> work) {
  moved_.clear();
  refused_.clear();
  for (JournaledClass* each : classes_) {
    if (each != nullptr) each->applied.begin();
  }
  for (const Work& each : work) {
    if (class_of(*each.entry) != nullptr) note(each);
  }
  for (JournaledClass* each : classes_) {
    if (each != nullptr && each->applied.prepare()) moved_.push_back(each);
  }
  return !moved_.empty();
}

// As Settlement settles it, if the transaction is committed.
void Positions::note(const Work& work) {
  const Entry* const entry = work.entry;
  if (!entry->leads) {  // those ahead of it gave way to it
    const bool left = work.verdict == Verdict::left;
    for (const Entry* ahead = newest(work.entry); ahead != entry; ahead = ahead->behind) {
      if (ahead->refused && (ahead->culprit || !left)) note_refused(*ahead);
    }
  }
  if (work.verdict == Verdict::rejected || work.verdict == Verdict::culprit) note_refused(*entry);
  if (work.verdict != Verdict::applied) return;
  note_done(*entry);
  for (const Entry* older = entry->behind; !older->leads; older = older->behind) note_done(*older);
}

void Positions::note_done(const Entry& entry) {
  if (entry.kind > EntryKind::group) return;
  ONELANE_CHECK(entry.is_journaled(), entry.seq);  // or a crash would apply it twice
  class_of(entry)->applied.add(entry.position);
}

void Positions::note_refused(const Entry& entry) {
  note_done(entry);
  refused_.push_back({.unit = &entry, .journaled = class_of(entry)});
}

Reply Positions::write() {
  for (const Refused& each : refused_) {
    if (Reply reply = bury(each); !reply.ok()) return reply;
  }
  for (const JournaledClass* each : moved_) {
    Reply reply = store_.advance({.name = each->name,
                                  .expected = each->applied.position(),
                                  .position = each->applied.next_position(),
                                  .waiting = each->applied.next_waiting(),
                                  .journaled = each->newest.load(std::memory_order_acquire)});
    if (!reply.ok()) return reply;
  }
  return {};
}

Reply Positions::bury(const Refused& refused) {
  model::FrameReader frames(refused.unit->frames());
  model::Frame frame;
  while (frames.next(frame)) {
    Reply reply = store_.bury({.name = refused.journaled->name,
                               .position = refused.unit->position,
                               .sql = sql_(frame.statement.index),
                               .row = frame.row,
                               .cause = refused.unit->cause});
    if (!reply.ok()) return reply;
  }
  return {};
}

void Positions::committed() noexcept {
  for (JournaledClass* each : moved_) each->applied.committed();
  for (const Refused& each : refused_) {
    each.journaled->dead_letters.fetch_add(1, std::memory_order_relaxed);
  }
  moved_.clear();
  refused_.clear();
}

}  // namespace onelane::inline v0::engine
