#include "src/engine/tracer.h"

#include <chrono>
#include <new>
#include <utility>

#include "onelane/version.h"
#include "src/engine/recovery.h"
#include "src/engine/selection.h"

namespace onelane::inline v0::engine {

namespace {

using trace::ItemKind;

// Of one tick and of what waits for the disk. Two of the last: one is written while the other
// fills.
constexpr std::size_t kBatchBytesMax = std::size_t{4} << 20;
constexpr std::size_t kPendingBytesMax = std::size_t{4} << 20;
static_assert(kPendingBytesMax <= trace::kBlockBytesMax);
// The thread is rung for when this much waits, and looks by itself every so often.
constexpr std::size_t kRingBytes = std::size_t{256} << 10;
constexpr std::chrono::seconds kLook{1};
// Of the file and of what waits for it, for the items that say how it ended.
constexpr std::uint64_t kEndBytes = 128;

}  // namespace

Result<std::unique_ptr<Tracer>> Tracer::open(const JournalOptions& options, const Clock& clock) {
  Result<trace::File> file = trace::File::make(options.trace.path);
  if (!file.ok()) return file.status();
  std::unique_ptr<Tracer> out(new Tracer(*std::move(file), options, clock));
  if (Status why = out->file_.append(trace::file_header()); !why.ok()) return why;
  return out;
}

Tracer::Tracer(trace::File file, const JournalOptions& options, const Clock& clock)
    : clock_(clock),
      path_(options.trace.path),
      most_bytes_(options.trace.most_bytes),
      manual_(options.drive == Drive::manual),
      commit_percent_(manual_ ? 0 : options.commit_percent),
      item_(kBatchBytesMax),
      batch_(kBatchBytesMax),
      pending_(kPendingBytesMax),
      file_(std::move(file)),
      writing_(kPendingBytesMax) {
  plan_.shown.reserve(kClassesMax);
  plan_.slices.reserve(2 * kClassesMax);
  outcome_.slices.reserve(2 * kClassesMax);
  stats_.bytes = trace::kFileHeaderBytes;
  add(ItemKind::start,
      trace::StartItem{
          .opened = clock.now(), .version = ONELANE_VERSION_STRING, .drive = options.drive});
  set_tick(options.tick);
}

Status Tracer::start() {
  return thread_.start({.name = "onelane-trace",
                        .step = [this]() -> std::optional<Thread::Sleep> {
                          write_out();
                          return Thread::Sleep{.at_most = kLook};
                        },
                        .pending =
                            [this] {
                              const std::scoped_lock lock(mutex_);
                              return pending_.size() >= kRingBytes;
                            }});
}

void Tracer::close(const Lanes& lanes) noexcept {
  thread_.stop();
  if (!stopped_) {
    add_sites();
    add_changes(lanes);
    add_syncs();
    hand_over();
    end(TraceEnd::closed);
  } else {
    const std::scoped_lock lock(mutex_);
    if (stats_.lost_ticks != 0) put_end_locked();
  }
  write_out();
}

void Tracer::discard() noexcept {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

// --- The lane's half.

void Tracer::prepare(std::uint32_t klass) { changes_[klass] = std::make_unique<trace::Changes>(); }

void Tracer::add_class(ClassLane& lane) noexcept {
  set_class(lane.index, lane.settings.options());
  if (!stopped_) lane.staging.note_changes(changes_[lane.index].get());
}

void Tracer::set_class(std::uint32_t klass, const ClassOptions& options) noexcept {
  if (stopped_) return;
  try {
    add(ItemKind::klass, trace::ClassItem{.klass = klass, .options = options});
  } catch (const std::bad_alloc&) {
    return end(TraceEnd::failed);
  }
  hand_over();
}

void Tracer::set_tick(const Budget& tick) noexcept {
  if (stopped_) return;
  add(ItemKind::tick, trace::TickItem{.budget = tick, .commit_percent = commit_percent_});
  hand_over();
}

template <class Item>
void Tracer::add(ItemKind kind, const Item& item) noexcept {
  item_.clear();
  put(item_, stamp_, item);
  trace::frame(batch_, kind, item_.all());
}

void Tracer::add_sites() noexcept {
  if (sites_ == nullptr) return;
  for (const std::size_t count = sites_->count(); sites_told_ < count; ++sites_told_) {
    add(ItemKind::site, trace::SiteItem{.site = static_cast<std::uint32_t>(sites_told_),
                                        .label = (*sites_)[sites_told_].label});
  }
}

void Tracer::add_changes(const Lanes& lanes) noexcept {
  for (const auto& lane : lanes.all()) {
    trace::Changes& changes = *changes_[lane->index];
    if (changes.empty()) continue;
    if (changes.full()) end(TraceEnd::behind);
    item_.clear();
    item_.number(lane->index);
    item_.bytes(changes.drain());
    trace::frame(batch_, ItemKind::changes, item_.all());
    changes.drained();
  }
}

void Tracer::planned(const schedule::Plan& plan, const Selection& selection,
                     const Recovery& recovery, const Lanes& lanes) noexcept {
  if (stopped_) {
    for (const auto& lane : lanes.all()) lane->staging.note_changes(nullptr);
    return;
  }
  const Selection::PlannedFrom& from = selection.planned_from();
  add_sites();
  add_changes(lanes);
  plan_.now = from.now;
  plan_.room_hold = from.room.hold;
  plan_.room_most = from.room.most;
  plan_.patient = from.patient;
  plan_.quarantined = recovery.quarantined_class().has_value();
  plan_.paced = from.room.paced;
  plan_.held_back = from.held_back;
  plan_.limit = recovery.limit();
  plan_.first_class = from.first_class;
  plan_.gathers = 0;
  plan_.shown.clear();
  for (const auto& lane : lanes.all()) {
    const std::size_t shown = selection.shown(lane->index);
    if (selection.gathered(lane->index)) plan_.gathers |= std::uint64_t{1} << lane->index;
    if (shown != lane->staging.slots()) plan_.shown.push_back({lane->index, shown});
  }
  plan_.slices.clear();
  for (const schedule::Slice& each : plan.slices) {
    plan_.slices.push_back({each.klass, each.first, each.count, each.guaranteed});
  }
  plan_.end = plan.end;
  plan_.hold = plan.hold;
  add(ItemKind::plan, plan_);
}

void Tracer::ended(const Ended& tick) noexcept {
  const commit::TickResult& result = tick.result;
  if (stopped_) {
    const std::scoped_lock lock(mutex_);
    ++stats_.lost_ticks;
    return;
  }
  outcome_.kept = result.action == commit::Action::proceed;
  outcome_.committed = result.committed;
  outcome_.transaction = result.transaction;
  outcome_.stopped = result.stopped;
  outcome_.by_caller = tick.by_caller;
  outcome_.action = static_cast<std::uint8_t>(result.action);
  outcome_.began = result.began;
  outcome_.ended = result.ended;
  outcome_.settled = clock_.now();
  outcome_.attempts = result.attempts;
  outcome_.units = result.units;
  outcome_.records = result.records;
  outcome_.bytes = result.bytes;
  outcome_.commit_time = result.commit_time;
  outcome_.log_hold = result.log_hold;
  try {
    outcome_.slices.clear();
    for (const commit::SliceTime& each : result.slices) {
      outcome_.slices.push_back({each.records, each.bytes, each.elapsed});
    }
    outcome_.left.clear();
    if (outcome_.kept && result.units < tick.work.size()) note_left(tick);
  } catch (const std::bad_alloc&) {
    return end(TraceEnd::failed);
  }
  add(ItemKind::outcome, outcome_);
  add_syncs();
  hand_over();
  const std::scoped_lock lock(mutex_);
  ++(stopped_ ? stats_.lost_ticks : stats_.ticks);
}

void Tracer::note_left(const Ended& tick) {
  for (const commit::Work& work : tick.work) {
    if (work.verdict != commit::Verdict::left) continue;
    const auto slot =
        static_cast<std::uint32_t>(tick.lanes[work.entry->klass].staging.slot_of(work.entry));
    std::vector<trace::Left>& left = outcome_.left;
    if (!left.empty() && left.back().slice == work.slice &&
        left.back().first + left.back().count == slot) {
      ++left.back().count;
    } else {
      left.push_back({.slice = work.slice, .first = slot, .count = 1});
    }
  }
}

void Tracer::closing_pass(TimePoint began, Duration held) noexcept {
  if (stopped_) return;
  add(ItemKind::event,
      trace::EventItem{.kind = trace::EventKind::closing_pass, .at = began, .took = held});
  hand_over();
}

void Tracer::followed(Duration pause, std::uint64_t log_bytes) noexcept {
  if (stopped_ || (pause == Duration(0) && log_bytes == 0)) return;
  if (log_bytes != 0) {
    add(ItemKind::event,
        trace::EventItem{.kind = trace::EventKind::log, .at = stamp_.last, .bytes = log_bytes});
  }
  if (pause != Duration(0)) {
    add(ItemKind::event,
        trace::EventItem{.kind = trace::EventKind::pause, .at = stamp_.last, .took = pause});
  }
  hand_over();
}

void Tracer::add_syncs() noexcept {
  std::array<Sync, 64> syncs;
  std::size_t count = 0;
  {
    const std::scoped_lock lock(mutex_);
    count = std::exchange(syncs_count_, 0);
    std::copy_n(syncs_.begin(), count, syncs.begin());
  }
  for (const Sync& each : std::span(syncs).first(count)) {
    add(ItemKind::event,
        trace::EventItem{.kind = trace::EventKind::sync, .at = each.began, .took = each.took});
  }
}

// What was added, as a whole or not at all.
void Tracer::hand_over() noexcept {
  if (stopped_) return;
  bool much = false;
  {
    const std::scoped_lock lock(mutex_);
    const std::uint64_t size =
        stats_.bytes + trace::kBlockHeaderBytes + pending_.size() + batch_.size() + kEndBytes;
    const bool fits =
        !item_.full() && !batch_.full() && pending_.has_room(batch_.size() + kEndBytes);
    if (stats_.ended) {  // its file failed meanwhile
    } else if (!fits || size > most_bytes_) {
      end_locked(fits ? TraceEnd::size : TraceEnd::behind);
    } else {
      pending_.bytes(batch_.all());
      much = pending_.size() >= kRingBytes;
    }
    stopped_ = stats_.ended.has_value();
  }
  batch_.clear();
  if (!much) return;
  manual_ ? write_out() : thread_.ring();
}

void Tracer::end(TraceEnd why) noexcept {
  const std::scoped_lock lock(mutex_);
  end_locked(why);
  stopped_ = true;
}

void Tracer::end_locked(TraceEnd why) noexcept {
  if (stats_.ended) return;
  stats_.ended = why;
  put_end_locked();
}

// There is room left for two of these.
void Tracer::put_end_locked() noexcept {
  trace::Out item(kEndBytes);
  put(item, stamp_, trace::EndItem{.why = *stats_.ended, .lost_ticks = stats_.lost_ticks});
  trace::frame(pending_, ItemKind::end, item.all());
}

// --- Any thread.

void Tracer::synced(TimePoint began, Duration took) noexcept {
  const std::scoped_lock lock(mutex_);
  if (syncs_count_ < syncs_.size()) syncs_[syncs_count_++] = {began, took};
}

TraceStats Tracer::stats() const {
  const std::scoped_lock lock(mutex_);
  TraceStats out = stats_;
  out.bytes += pending_.size();
  return out;
}

// --- The file's half.

void Tracer::write_out() noexcept {
  const std::scoped_lock file(file_mutex_);
  writing_.clear();
  {
    const std::scoped_lock lock(mutex_);
    std::swap(writing_, pending_);
    if (writing_.size() == 0) return;
    stats_.bytes += trace::kBlockHeaderBytes + writing_.size();
  }
  Status written = file_.append(trace::block_header(blocks_++, writing_.all()));
  if (written.ok()) written = file_.append(writing_.all());
  if (written.ok()) return;
  const std::scoped_lock lock(mutex_);
  stats_.ended = TraceEnd::failed;
}

}  // namespace onelane::inline v0::engine
