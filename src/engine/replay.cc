#include "src/engine/replay.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "src/base/memory.h"
#include "src/engine/patience.h"
#include "src/model/row.h"

namespace onelane::inline v0::engine {

using commit::Action;
using commit::Verdict;
using commit::Work;
using detail::Entry;
using detail::EntryKind;

namespace {

// Of one transaction.
constexpr std::size_t kUnitsMost = 4096;
constexpr std::uint64_t kBytesMost = 8 * kMiB;

// How large the log becomes before it is copied back meanwhile.
constexpr std::uint64_t kLogMost = 64 * kMiB;

// Statements that the store does not prepare have numbers from here on.
constexpr std::uint16_t kUnprepared = kStatementsMax;

const FoundProgress* find(std::span<const FoundProgress> known, std::string_view name) {
  const auto* const at = std::find_if(known.data(), known.data() + known.size(),
                                      [&](const auto& each) { return each.name == name; });
  return at == known.data() + known.size() ? nullptr : at;
}

}  // namespace

bool Replay::Class::has(Position unit) const {
  return unit <= position && !std::binary_search(waiting.begin(), waiting.end(), unit);
}

Replay::Replay(const Parts& parts, const intake::Contents& contents,
               std::span<const FoundProgress> known)
    : with_(parts),
      contents_(contents),
      positions_(parts.store,
                 [this](std::uint16_t number) -> std::string_view {
                   return number < kUnprepared ? with_.statements.spec(number).sql
                                               : contents_.statements()[number - kUnprepared].sql;
                 }),
      committer_(parts.sink, parts.clock),
      known_(contents.statements().size()),
      step_times_(contents.classes().size(), Duration(0)) {
  committer_.use(&positions_);
  for (const intake::ClassContents& each : contents.classes()) {
    classes_.push_back(std::make_unique<Class>(each.name));
    Class& klass = *classes_.back();
    if (const FoundProgress* progress = find(known, each.name); progress != nullptr) {
      klass.position = progress->position;
      klass.waiting = progress->waiting;
    }
    klass.journaled.applied.start(klass.position, klass.waiting);
    klass.journaled.newest.store(each.last);
    positions_.add_class(static_cast<std::uint32_t>(classes_.size() - 1), &klass.journaled);
  }
}

Replay::~Replay() {
  for (const Work& each : work_) each.entry->release();
}

Status Replay::run() {
  Status status = contents_.for_each([this](const intake::FoundUnit& unit) { return take(unit); });
  while (status.ok() && !work_.empty()) status = flush();
  return status;
}

std::uint64_t Replay::dead_letters() const {
  std::uint64_t out = 0;
  for (const auto& each : classes_) out += each->journaled.dead_letters.load();
  return out;
}

Status Replay::take(const intake::FoundUnit& unit) {
  if (classes_[unit.klass]->has(unit.position)) return {};
  detail::EntryRef entry(Entry::make(unit.rows.size(), 0, large_rows_));
  if (entry == nullptr) return base::out_of_memory();
  std::memcpy(entry->payload().data(), unit.rows.data(), unit.rows.size());
  Status does_not_prepare;
  if (Status why = number_statements(entry->payload(), does_not_prepare); !why.ok()) return why;
  entry->kind = unit.group ? EntryKind::group : EntryKind::record;
  entry->klass = unit.klass;
  entry->rows = 1;
  entry->bytes = unit.rows.size();
  entry->position = unit.position;
  entry->leads = true;
  entry->journaled.store(true);
  entry->state.store(detail::kJournaled);
  entry->condemned = !does_not_prepare.ok();
  entry->cause = std::move(does_not_prepare);
  bytes_ += unit.rows.size();
  work_.push_back({.entry = entry.get(), .guaranteed = true});
  (void)entry.release();
  return work_.size() < kUnitsMost && bytes_ < kBytesMost ? Status() : flush();
}

// Gives the rows our numbers of their statements.
Status Replay::number_statements(std::span<std::byte> rows, Status& does_not_prepare) {
  model::FrameReader frames(rows);
  model::Frame frame;
  std::size_t at = 0;
  while (frames.next(frame)) {
    const std::uint16_t index = frame.statement.index;
    Result<std::uint16_t> number = statement(index);
    if (!number && number.status().code() != Errc::invalid_argument) return number.status();
    if (!number) does_not_prepare = number.status();
    model::write_frame_header(
        rows.data() + at,
        {.index = number ? *number : static_cast<std::uint16_t>(kUnprepared + index)},
        frame.row.size());
    at += model::kFrameHeaderBytes + frame.row.size();
  }
  if (does_not_prepare.ok() || with_.store.buries()) return {};
  return {Errc::invalid_argument,
          "the intake has a unit, number " + std::to_string(units_) + " of " +
              std::to_string(contents_.units()) +
              " or later, whose statement the database does not prepare any more: " +
              does_not_prepare.message() +
              "; put the schema right, or name a table of dead letters for such units "
              "(IntakeOptions::dead_letters)"};
}

// invalid_argument if it does not prepare.
Result<std::uint16_t> Replay::statement(std::uint32_t index) {
  Known& known = known_[index];
  if (!known.number && known.why_not.ok()) {
    const Result<Statement> added = add_statement(contents_.statements()[index]);
    if (added) known.number = added->index;
    if (!added && added.status().code() != Errc::invalid_argument) return added.status();
    if (!added) known.why_not = added.status();
  }
  if (known.number) return *known.number;
  return known.why_not;
}

Result<Statement> Replay::add_statement(const StatementSpec& spec) {
  if (const auto known = with_.statements.find(spec)) return *known;
  if (with_.statements.full()) {
    return Status(Errc::invalid_argument, "the journal has no room for it: " + spec.sql);
  }
  with_.statements.prepare(spec);
  if (Status why = with_.sink.add_statement(spec); !why.ok()) return why;
  return with_.statements.add();
}

Status Replay::flush() {
  const Status status = once_unlocked([this] { return commit(work_); });
  units_ += drop_ended();
  return status.ok() ? copy_back() : status;
}

// Small rows in many places make a log of many times their size. What is in the way of copying it
// back is no reason to refuse the opening: the journal will see to it.
Status Replay::copy_back() {
  Log* const log = with_.sink.log();
  if (log == nullptr || log->state().bytes < kLogMost) return {};
  if (Reply synced = log->write_out(); !synced.ok()) return synced.cause;
  const LogPass pass = log->copy_back(kBytesMost);
  if (pass.fault == Fault::sync || pass.fault == Fault::corrupt) return pass.cause;
  const Reply synced = log->sync();
  return synced.ok() ? Status() : synced.cause;
}

// What is settled by then is marked by an entry that is null; the rest is to run again.
Status Replay::commit(std::span<Work> work) {
  for (Work& each : work) each.verdict = Verdict::left;
  const commit::TickResult result = committer_.run(
      work, [](const Work&, Duration, std::uint64_t, std::uint64_t) { return false; }, step_times_);
  const bool alone_next = result.action == Action::back_off && result.transaction;
  if (result.action != Action::proceed && !alone_next) return result.cause;
  if (result.committed) positions_.committed();
  for (Work& each : work) {
    const bool ended =
        result.committed && each.verdict != Verdict::left && each.verdict != Verdict::deferred;
    if (ended) {
      std::exchange(each.entry, nullptr)->release();
    } else if (std::exchange(each.taken, false)) {
      each.entry->put_back();
    }
  }
  if (!alone_next) return {};
  if (work.size() == 1) return alone(work.front(), result.cause);
  for (Work& each : work) {
    if (Status why = commit(std::span(&each, 1)); !why.ok()) return why;
  }
  return {};
}

// It failed by itself: a violation that only COMMIT found is its own fault.
Status Replay::alone(Work& work, const Status& cause) {
  if (cause.code() != Errc::record || work.entry->condemned) return cause;
  work.entry->condemned = true;
  work.entry->cause = cause;
  return commit(std::span(&work, 1));
}

std::size_t Replay::drop_ended() {
  const std::size_t before = work_.size();
  std::erase_if(work_, [](const Work& each) { return each.entry == nullptr; });
  bytes_ = 0;
  for (const Work& each : work_) bytes_ += each.entry->bytes;
  return before - work_.size();
}

}  // namespace onelane::inline v0::engine
