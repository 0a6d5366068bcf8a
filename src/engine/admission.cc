#include "src/engine/admission.h"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <utility>

#include "src/base/caller.h"
#include "src/base/memory.h"
#include "src/engine/patience.h"
#include "src/engine/refusals.h"
#include "src/intake/format.h"
#include "src/model/row.h"

namespace onelane::inline v0::engine {

using base::out_of_memory;
using detail::EntryKind;
using detail::EntryRef;
using detail::JobRun;

namespace {

std::string quoted(const ClassLane& lane) { return "class \"" + lane.name + "\""; }

[[gnu::cold]] Status unknown_statement(Statement statement, const char* where) {
  return {Errc::invalid_argument,
          "statement " + std::to_string(statement.index) + where + " is not this journal's"};
}

}  // namespace

Status Admission::make_entry(ClassLane& lane, const RowUnit& unit, EntryRef& entry) const {
  const Row& row = unit.row;
  if (!row.status().ok()) return row.status();
  const Statements::Known* known = with_.statements.get(unit.statement);
  if (known == nullptr) [[unlikely]]
    return unknown_statement(unit.statement, "");
  const StatementSpec& spec = known->spec;
  if (!known->suits(row)) {
    if (Status why = model::check_row(spec, row.bytes()); !why.ok()) return why;
  }
  const bool keyed = lane.coalesces && !spec.key_columns.empty();
  const std::size_t key_bytes = keyed ? model::key_size(spec, row.bytes()) : 0;
  const std::size_t frame_bytes = model::kFrameHeaderBytes + row.bytes().size();
  entry.reset(Entry::make(frame_bytes + key_bytes, key_bytes, lane.large_rows));
  if (entry == nullptr) return out_of_memory();
  std::byte* out = entry->payload().data();
  model::write_frame_header(out, unit.statement, row.bytes().size());
  std::memcpy(out + model::kFrameHeaderBytes, row.bytes().data(), row.bytes().size());
  if (key_bytes != 0) model::write_key(spec, unit.statement, row.bytes(), out + frame_bytes);
  entry->rows = 1;
  entry->bytes = row.bytes().size();
  return {};
}

Status Admission::check_rows(const Group& group) const {
  if (!group.status().ok()) return group.status();
  if (group.size() == 0) return {Errc::invalid_argument, "the group is empty"};
  model::FrameReader frames(group.bytes());
  model::Frame frame;
  while (frames.next(frame)) {
    frame.statement.journal = group.journal();  // the frames keep the index alone
    const Statements::Known* known = with_.statements.get(frame.statement);
    if (known == nullptr) return unknown_statement(frame.statement, " in the group");
    if (Status why = model::check_row(known->spec, frame.row); !why.ok()) return why;
  }
  return {};
}

Status Admission::make_entry(ClassLane& lane, const Group& group, EntryRef& entry) const {
  if (Status why = check_rows(group); !why.ok()) return why;
  entry.reset(Entry::make(group.bytes().size(), 0, lane.large_rows));
  if (entry == nullptr) return out_of_memory();
  std::memcpy(entry->payload().data(), group.bytes().data(), group.bytes().size());
  entry->kind = EntryKind::group;
  entry->rows = static_cast<std::uint32_t>(group.size());
  entry->bytes = group.bytes().size();
  return {};
}

Status Admission::make_entry(ClassLane& lane, Job job, EntryRef& entry) const {
  if (!job.step) {
    return Status(Errc::invalid_argument, "job \"" + job.name + "\" has no step");
  }
  if (lane.journaled != nullptr) {
    return Status(Errc::invalid_argument, "job \"" + job.name + "\": " + quoted(lane) +
                                              " has an intake, which takes records and groups");
  }
  if (const std::uint64_t most = lane.settings.step_bytes_max(); job.bytes_per_step > most) {
    return Status(Errc::invalid_argument,
                  "job \"" + job.name + "\": bytes_per_step " + std::to_string(job.bytes_per_step) +
                      " is above what a tick may hold of " + quoted(lane) + ", " +
                      std::to_string(most) + " bytes; write less in a step");
  }
  entry.reset(Entry::make());
  if (entry == nullptr) return out_of_memory();
  entry->kind = EntryKind::job;
  entry->rows = 1;
  entry->bytes = job.bytes_per_step;
  entry->job = std::make_unique<JobRun>();
  entry->job->job = std::move(job);
  entry->footprint += sizeof(JobRun);
  return {};
}

namespace {

// More than its class may ever hold.
bool too_large(const ClassLane& lane, const Entry& entry) {
  return entry.rows > lane.settings.capacity_records() ||
         entry.footprint > lane.settings.capacity_bytes();
}

Status above_capacity(const ClassLane& lane, const Entry& entry) {
  return {Errc::invalid_argument,
          quoted(lane) + ": a unit of " + std::to_string(entry.rows) + " records and " +
              std::to_string(entry.footprint) + " bytes is above the class's whole capacity (" +
              std::to_string(lane.settings.capacity_records()) + " records, " +
              std::to_string(lane.settings.capacity_bytes()) + " bytes)"};
}

}  // namespace

// Where there is no room at once.
Status Admission::charge_slowly(ClassLane& lane, const Entry& entry, const PushOptions& options) {
  if (too_large(lane, entry)) return above_capacity(lane, entry);
  const std::uint64_t packed = charge_of(entry);
  if (lane.shared()) {
    ack::Wakes wakes;  // fired once the class was let go
    if (lane.charge_full(entry, with_.clock.now(), wakes)) return {};
  }
  const auto full = [&](Duration waited) -> Status {
    return {Errc::full, quoted(lane) + " is full: " + std::to_string(lane.gate.records()) + " of " +
                            std::to_string(lane.settings.capacity_records()) + " records and " +
                            std::to_string(lane.gate.bytes()) + " of " +
                            std::to_string(lane.settings.capacity_bytes()) +
                            " bytes are taken; waited " + in_words(waited) + " for room"};
  };
  if (lane.settings.when_full() != WhenFull::block || options_.drive == Drive::manual) {
    return full(Duration(0));
  }
  if (Status why = with_.turn.may_wait("push to a full class"); !why.ok()) return why;
  Duration patience = lane.settings.block_timeout();
  if (options.deadline) {
    patience = std::min(patience, remaining(*options.deadline, with_.clock.now()));
  }
  if (patience <= Duration(0)) return full(Duration(0));
  const auto end_windows = [this] { with_.turn.wake(); };  // of gathering, or an interval
  if (lane.gate.wait(packed, patience, end_windows)) return {};
  if (Status why = entrance(lane); !why.ok()) return why;
  return too_large(lane, entry) ? above_capacity(lane, entry) : full(patience);  // it is now
}

// `promise` is what the push asks for, and then what the unit promises. In a class with an intake a
// committed unit is durable, so `durable` becomes `committed` there.
Status Admission::promised(const ClassLane& lane, const Entry& entry, Promise& promise) const {
  if (lane.journaled == nullptr) {
    promise = with_.durability.awaited(promise);
    if (promise != Promise::journaled) return {};
    return {Errc::invalid_argument, quoted(lane) + " has no intake, so nothing of it is journaled"};
  }
  if (promise == Promise::durable) promise = Promise::committed;
  const std::uint64_t most = intake::unit_bytes_max(options_.intake.segment_bytes);
  if (entry.frames().size() <= most) return statements_fit(lane, entry);
  return {Errc::invalid_argument,
          quoted(lane) + ": a unit of " + std::to_string(entry.frames().size()) +
              " bytes does not fit a segment of its intake, which takes up to " +
              std::to_string(most) + "; see IntakeOptions::segment_bytes"};
}

// A segment has a quarter of its room for names: the classes' take up to an eighth, and the unit's
// statements, each once, may take as much.
Status Admission::statements_fit(const ClassLane& lane, const Entry& entry) const {
  const std::uint64_t most = options_.intake.segment_bytes / 8;
  std::uint64_t bytes = 0;
  std::bitset<kStatementsMax> counted;
  model::FrameReader frames(entry.frames());
  for (model::Frame frame; frames.next(frame);) {
    if (counted.test(frame.statement.index)) continue;
    counted.set(frame.statement.index);
    bytes += intake::statement_item_bytes(with_.statements.spec(frame.statement.index));
  }
  if (bytes <= most) return {};
  return {Errc::invalid_argument, quoted(lane) + ": the unit's statements take " +
                                      std::to_string(bytes) + " bytes, and a segment of its " +
                                      "intake has room for " + std::to_string(most) +
                                      "; see IntakeOptions::segment_bytes"};
}

Status Admission::entrance(const ClassLane& lane) const {
  return lane.journaled == nullptr ? with_.state.entrance() : with_.state.entrance_to_intake();
}

// Takes the entry, unless it is refused.
Status Admission::accept(ClassLane& lane, EntryRef& entry, const Offer& how) {
  const PushOptions& options = how.options;
  if (Status why = entrance(lane); !why.ok()) return why;
  Promise promise = options.promise.value_or(lane.settings.promise());
  if (Status why = promised(lane, *entry, promise); !why.ok()) return why;
  const bool full = too_large(lane, *entry) || !lane.gate.grant(charge_of(*entry));
  if (full) {
    if (Status why = charge_slowly(lane, *entry, options); !why.ok()) return why;
  }
  if (!options_.trace.path.empty()) {
    entry->caller = base::caller_number();
    entry->caller_waits = how.caller_waits;
    entry->waited_for_room = full;
  }
  entry->klass = lane.index;
  entry->pushed = with_.clock.now();
  if (options.deadline) entry->deadline = *options.deadline;
  entry->promise = promise;
  if (!lane.queue.push(entry.get())) {
    lane.gate.release(charge_of(*entry));
    return entrance(lane);
  }
  (void)entry.release();  // the queue's now, which may have settled and freed it already
  if (how.next == NextTick::by_thread) ring(lane);
  return {};
}

void Admission::ring(const ClassLane& lane) {
  lane.journaled == nullptr ? with_.turn.ring() : with_.pen.ring();
}

Result<EntryRef> Admission::offer_barrier(ClassLane& lane) {
  if (!lane.flushes.grant(ClassLane::kOneFlush)) {
    return Status(Errc::full, quoted(lane) + ": " + std::to_string(ClassLane::kFlushesMax) +
                                  " flushes wait, or were given up since the lane last drained it");
  }
  EntryRef entry(Entry::make());
  if (entry == nullptr) {
    lane.flushes.release(ClassLane::kOneFlush);
    return out_of_memory();
  }
  entry->kind = EntryKind::barrier;
  entry->footprint = 0;
  entry->klass = lane.index;
  entry->pushed = with_.clock.now();
  EntryRef kept = entry->share();
  if (!lane.queue.push(entry.get())) {
    lane.flushes.release(ClassLane::kOneFlush);
    return with_.state.entrance();
  }
  (void)entry.release();
  lane.tally.barriers.fetch_add(1, std::memory_order_release);
  ring(lane);
  return kept;
}

}  // namespace onelane::inline v0::engine
