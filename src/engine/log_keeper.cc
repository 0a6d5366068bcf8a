#include "src/engine/log_keeper.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "onelane/options.h"

namespace onelane::inline v0::engine {

namespace {

// A commit of another connection wakes nobody, so the log is looked at this often.
constexpr Duration kLookAgain = std::chrono::milliseconds(200);

}  // namespace

LogKeeper::LogKeeper(const Parts& parts, const Terms& terms)
    : log_(parts.log),
      state_(parts.state),
      clock_(parts.clock),
      terms_(terms),
      hold_(terms.hold),
      commit_seen_at_(clock_.now()),
      tick_written_(parts.log == nullptr ? 0 : parts.log->state().written_bytes) {
  decided_.room = {terms.limit, terms.limit};
}

Status LogKeeper::start() {
  if (log_ == nullptr) return {};
  return thread_.start({.name = "onelane-log",
                        .step = [this] { return run(); },
                        .pending = [this] { return wanted(); }});
}

// Either run_due() sees that we stop, or we see that it runs: seq_cst, all of them.
void LogKeeper::stop() {
  thread_.stop();
  due_runs_.wait(true);
}

std::optional<Thread::Sleep> LogKeeper::run() {
  const LogDecision decision = step();
  if (decision.action != LogAction::wait) return std::nullopt;
  Thread::Sleep sleep;
  if (decision.wake_at) sleep.at_most = std::max(Duration(0), *decision.wake_at - clock_.now());
  return sleep;
}

void LogKeeper::run_due() {
  if (log_ == nullptr || due_runs_.exchange(true)) return;
  due_runner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!thread_.stopping() && step().action != LogAction::wait) {
  }
  due_runner_.store(std::thread::id(), std::memory_order_relaxed);
  due_runs_.store(false);
  due_runs_.notify_all();
}

Duration LogKeeper::tick_ended(Duration held) {
  if (log_ == nullptr) return Duration(0);
  const LogState log = log_->state();
  const std::uint64_t added = log.written_bytes - std::exchange(tick_written_, log.written_bytes);
  tick_added_ = added;
  note_most(log.bytes);
  if (wanted() || log.full) thread_.ring();
  if (added == 0) return Duration(0);
  growth_.tick(added, held);
  return pause_for(log.bytes, added);
}

Duration LogKeeper::pause_for(std::uint64_t bytes, std::uint64_t added) const {
  const std::scoped_lock lock(decided_mutex_);
  const LogRoom& room = room_at(bytes);
  if (bytes < room.free) return Duration(0);
  return engine::pause_for(added, left(room, bytes, terms_.limit), decided_.takes,
                           clock_.now() - decided_at_);
}

void LogKeeper::note_most(std::uint64_t bytes) {
  std::uint64_t most = bytes_max_.load(std::memory_order_relaxed);
  while (bytes > most &&
         !bytes_max_.compare_exchange_weak(most, bytes, std::memory_order_relaxed)) {
  }
}

bool LogKeeper::wanted() const {
  const std::uint64_t bytes = log_->state().bytes;
  const std::uint64_t seen = seen_bytes_.load();
  return bytes < seen || (bytes > seen && bytes >= wake_bytes_.load());
}

// If the log has become shorter since the log keeper looked, a commit has restarted it. With
// decided_mutex_.
const LogRoom& LogKeeper::room_at(std::uint64_t bytes) const {
  const bool restarted = bytes < seen_bytes_.load(std::memory_order_relaxed);
  return restarted ? decided_.restarted : decided_.room;
}

Room LogKeeper::room() const {
  if (log_ == nullptr) return {};
  const std::uint64_t bytes = log_->state().bytes;
  const std::scoped_lock lock(decided_mutex_);
  const LogRoom& room = room_at(bytes);
  // Where the next commit is what the log keeper waits for, all may tick.
  const bool paced = bytes >= room.free && decided_.takes != Duration(0);
  const Duration most = growth_.time_of(left_to_limit(bytes, terms_.limit));
  if (bytes >= room.most) return {.hold = Duration(0), .most = most, .paced = paced};
  return {
      .hold = growth_.time_of(left(room, bytes, terms_.limit) / 2), .most = most, .paced = paced};
}

// One decision, and what it says.
LogDecision LogKeeper::step() {
  const std::scoped_lock lock(step_mutex_);
  if (state_.poisoned()) return {.wake_bytes = std::numeric_limits<std::uint64_t>::max()};
  const TimePoint now = clock_.now();
  LogDecision decision = decide(look(now), cycle_, now);
  tell(decision, now);
  try {
    act(decision);
  } catch (const std::bad_alloc&) {
    note_copy(cycle_, {.fault = Fault::environment}, clock_.now());
  }
  const TimePoint again = now + kLookAgain;
  decision.wake_at = std::min(decision.wake_at.value_or(again), again);
  return decision;
}

void LogKeeper::tell(const LogDecision& decision, TimePoint now) {
  const std::scoped_lock lock(decided_mutex_);
  decided_ = decision;
  decided_at_ = now;
  wake_bytes_.store(decision.wake_bytes);
}

LogView LogKeeper::look(TimePoint now) {
  log_->look();
  const LogState state = log_->state();
  seen_bytes_.store(state.bytes);
  note_most(state.bytes);
  if (state.commits != commits_seen_) {
    commits_seen_ = state.commits;
    commit_seen_at_ = now;
  }
  observe(cycle_, state, now);
  return {.limit = terms_.limit,
          .hold = hold_.load(std::memory_order_relaxed),
          .commits_sync = terms_.commits_sync,
          .disk = disk_,
          .log = state,
          .quiet = now - commit_seen_at_};
}

void LogKeeper::act(const LogDecision& decision) {
  switch (decision.action) {
    case LogAction::wait:
      break;
    case LogAction::write:
      write();
      return;
    case LogAction::copy:
      copy(decision.piece);
      break;
    case LogAction::sync:
      sync();
      break;
    case LogAction::close:
      close(decision.takes);
      break;
  }
  if (decision.action != LogAction::wait || cycle_.pinned == 0) find_readers();
}

// False if it failed.
bool LogKeeper::write() {
  const TimePoint began = clock_.now();
  const std::uint64_t bytes = log_->state().bytes;
  const std::uint64_t before = cycle_.on_disk();
  const Reply reply = log_->write_out();
  if (reply.ok() && bytes > before) learn(disk_.log, bytes - before, clock_.now() - began);
  note_write(cycle_, bytes);
  if (!reply.ok()) note_failure({.fault = reply.fault, .cause = reply.cause});
  return reply.ok();
}

// The copy would write the log out, too, but then nobody would know what each of them took.
void LogKeeper::copy(std::uint64_t piece_bytes) {
  if (terms_.commits_sync) {
    note_write(cycle_, log_->state().bytes);
  } else if (!write()) {
    return note_copy(cycle_, {.fault = Fault::environment}, clock_.now());
  }
  const TimePoint began = clock_.now();
  const LogPass pass = log_->copy_back(piece_bytes);
  const TimePoint now = clock_.now();
  copying_ = now - began;
  passes_.fetch_add(1, std::memory_order_relaxed);
  note_copy(cycle_, pass, now);
  note_failure(pass);
}

void LogKeeper::sync() {
  const TimePoint began = clock_.now();
  const Reply reply = log_->sync();
  if (reply.ok()) learn(disk_.database, cycle_.round, copying_ + (clock_.now() - began));
  note_sync(cycle_);
  note_failure({.fault = reply.fault, .cause = reply.cause});
}

void LogKeeper::close(Duration budget) {
  const Closing closing = lane_.close_in(*log_);
  if (closing.held > budget) late_closings_.fetch_add(1, std::memory_order_relaxed);
  note_close(cycle_, closing, clock_.now());
  note_failure(closing.pass);
}

void LogKeeper::learn(DiskTime& disk, std::uint64_t bytes, Duration took) {
  disk.learn(bytes, took);
  const std::scoped_lock lock(stats_mutex_);
  learned_ = {.log = disk_.log.stats(), .database = disk_.database.stats()};
}

void LogKeeper::note_failure(const LogPass& pass) {
  {
    const std::scoped_lock lock(stats_mutex_);
    blocked_ = pass.cause;
  }
  if (pass.fault == Fault::sync || pass.fault == Fault::corrupt) lane_.poison(pass.cause);
}

// Who reads is looked up when the log is first found pinned, and with every try after that.
void LogKeeper::find_readers() {
  const bool pinned = cycle_.pinned != 0;
  if (!pinned && !pinned_told_) return;
  pinned_told_ = pinned;
  std::vector<LogReader> readers;
  if (pinned) readers = log_->readers();
  const std::scoped_lock lock(stats_mutex_);
  pinned_.store(cycle_.pinned, std::memory_order_relaxed);
  pinned_since_ = cycle_.pinned_since;
  readers_ = std::move(readers);
}

void LogKeeper::closed(const LogLeft& left) {
  const std::scoped_lock lock(stats_mutex_);
  pinned_.store(left.bytes, std::memory_order_relaxed);
  if (left.bytes == 0) pinned_since_.reset();
  if (left.bytes != 0 && !pinned_since_) pinned_since_ = clock_.now();
  readers_ = left.readers;
  blocked_ = left.why;
}

void LogKeeper::snapshot(LogStats& out) const {
  if (log_ == nullptr) return;
  out.limit_bytes = terms_.limit;
  out.bytes = log_->state().bytes;
  out.written_bytes = log_->state().written_bytes;
  out.bytes_max = std::max(out.bytes, bytes_max_.load(std::memory_order_relaxed));
  out.full = log_->state().full;
  out.ballast_bytes = log_->state().ballast_bytes;
  out.passes = passes_.load(std::memory_order_relaxed);
  out.late_closings = late_closings_.load(std::memory_order_relaxed);
  out.hazard = log_->hazard();
  const std::scoped_lock lock(stats_mutex_);
  out.disk = learned_;
  out.pinned_bytes = pinned();
  out.pinned_since = pinned_since_;
  out.readers = readers_;
  out.blocked = blocked_;
}

}  // namespace onelane::inline v0::engine
