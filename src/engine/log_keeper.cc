#include "src/engine/log_keeper.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace onelane::engine {

namespace {

// A commit of another connection wakes nobody, so the log is looked at this often.
constexpr Duration kLookAgain = std::chrono::milliseconds(200);

}  // namespace

LogKeeper::LogKeeper(const Parts& parts, std::uint64_t limit_bytes)
    : log_(parts.log),
      state_(parts.state),
      clock_(parts.clock),
      limit_(limit_bytes),
      commit_seen_at_(clock_.now()),
      pace_bytes_(limit_bytes) {}

Status LogKeeper::start() {
  if (log_ == nullptr) return {};
  return thread_.start({.step = [this] { return run(); }, .pending = [this] { return wanted(); }});
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

void LogKeeper::tick_ended() {
  if (log_ == nullptr) return;
  const LogState log = log_->state();
  const std::uint64_t bytes = log.bytes;
  if (log.commits != std::exchange(tick_commits_, log.commits)) {
    tick_added_ = bytes - (bytes > tick_bytes_ ? tick_bytes_ : 0);
    tick_bytes_ = bytes;
  }
  note_most(bytes);
  if (wanted() || log.full) thread_.ring();
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

std::optional<Duration> LogKeeper::pause(Duration full) const {
  if (log_ == nullptr) return std::nullopt;
  const bool held_back = log_->state().bytes >= pace_bytes_.load(std::memory_order_relaxed);
  if (!held_back) return std::nullopt;
  return pause_after(tick_added_, limit_, full);
}

// One decision, and what it says.
LogDecision LogKeeper::step() {
  const std::scoped_lock lock(step_mutex_);
  if (state_.poisoned()) return {.wake_bytes = std::numeric_limits<std::uint64_t>::max()};
  const TimePoint now = clock_.now();
  LogDecision decision = decide(look(now), cycle_, now);
  pace_bytes_.store(decision.pace_bytes, std::memory_order_relaxed);
  wake_bytes_.store(decision.wake_bytes);
  try {
    act(decision.action);
  } catch (const std::bad_alloc&) {
    note_copy(cycle_, {.fault = Fault::environment}, limit_, clock_.now());
  }
  const TimePoint again = now + kLookAgain;
  decision.wake_at = std::min(decision.wake_at.value_or(again), again);
  return decision;
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
  return {.limit = limit_, .log = state, .quiet = now - commit_seen_at_};
}

void LogKeeper::act(LogAction action) {
  switch (action) {
    case LogAction::wait:
      break;
    case LogAction::copy: {
      const LogPass pass = log_->copy_back();
      passes_.fetch_add(1, std::memory_order_relaxed);
      note_copy(cycle_, pass, limit_, clock_.now());
      note_failure(pass);
      break;
    }
    case LogAction::sync: {
      const Reply reply = log_->sync();
      note_sync(cycle_);
      note_failure({.fault = reply.fault, .cause = reply.cause});
      break;
    }
    case LogAction::close:
      close();
      break;
  }
  if (action != LogAction::wait || cycle_.pinned == 0) find_readers();
}

void LogKeeper::close() {
  const Closing closing = lane_.close_in(*log_);
  note_close(cycle_, closing, clock_.now());
  note_failure(closing.pass);
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
  pinned_bytes_ = cycle_.pinned;
  pinned_since_ = cycle_.pinned_since;
  readers_ = std::move(readers);
}

void LogKeeper::closed(const LogLeft& left) {
  const std::scoped_lock lock(stats_mutex_);
  pinned_bytes_ = left.bytes;
  if (left.bytes == 0) pinned_since_.reset();
  if (left.bytes != 0 && !pinned_since_) pinned_since_ = clock_.now();
  readers_ = left.readers;
  blocked_ = left.why;
}

void LogKeeper::snapshot(LogStats& out) const {
  if (log_ == nullptr) return;
  out.limit = limit_;
  out.bytes = log_->state().bytes;
  out.bytes_max = std::max(out.bytes, bytes_max_.load(std::memory_order_relaxed));
  out.full = log_->state().full;
  out.ballast = log_->state().ballast;
  out.passes = passes_.load(std::memory_order_relaxed);
  out.hazard = log_->hazard();
  const std::scoped_lock lock(stats_mutex_);
  out.pinned_bytes = pinned_bytes_;
  out.pinned_since = pinned_since_;
  out.readers = readers_;
  out.blocked = blocked_;
}

}  // namespace onelane::engine
