#include "src/engine/log_policy.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "onelane/options.h"

namespace onelane::engine {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// Parts of the limit: where a cycle begins; where one begins when it is quiet; where classes are
// paced so that the log does not outgrow the passes; what no further round may take it to.
constexpr std::uint64_t begin_at(std::uint64_t limit) { return limit / 4 * 3; }
constexpr std::uint64_t begin_quiet_at(std::uint64_t limit) { return limit / 8; }
// But a small log's passes would sync more than they copy.
constexpr std::uint64_t kEarlyBytesMin = 4 * kMiB;
constexpr std::uint64_t begin_early_with(std::uint64_t limit) {
  return std::max(limit / 8, kEarlyBytesMin);
}
constexpr std::uint64_t pace_at(std::uint64_t limit) { return limit / 8 * 7; }
constexpr std::uint64_t at_most(std::uint64_t limit) { return limit / 4 * 5; }
// While ticks are paced, the log grows no faster than this in the time of a full tick: a flood's
// ticks come no more often than full ones, and who writes a few pages is hardly stopped.
constexpr std::uint64_t held_back_growth(std::uint64_t limit) { return limit / 128; }

// Little enough for a closing pass that hardly anybody notices.
constexpr std::uint64_t kLittleBytes = 1 * kMiB;
constexpr Duration kQuiet = milliseconds(200);
// A log that fills in less than this grows as fast as passes copy.
constexpr Duration kFillsSoon = milliseconds(100);

// Closing passes are at most this part of the lane's time.
constexpr int kCloseShare = 20;
// Another process holds the lock that a pass needs, or the disk is full.
constexpr Duration kRetryAfter = milliseconds(20);
// A reader that stays is asked about less and less often.
constexpr int kPinShare = 4;
constexpr Duration kPinRetryMin = milliseconds(10);
constexpr Duration kPinRetryMax = seconds(1);

std::uint64_t left(const LogView& view, const LogCycle& cycle) {
  return view.log.bytes - std::min(view.log.bytes, cycle.copied);
}

bool under_way(const LogCycle& cycle) { return cycle.rounds != 0 || !cycle.synced; }

// Whether it would fill within kFillsSoon, as fast as it has grown since it began.
bool fills_soon(const LogView& view, const LogCycle& cycle, TimePoint now) {
  if (!cycle.settled_at) return false;
  const auto elapsed = static_cast<double>((now - *cycle.settled_at).count());
  return elapsed * static_cast<double>(view.limit) <
         static_cast<double>(kFillsSoon.count()) * static_cast<double>(view.log.bytes);
}

bool due(const LogView& view, const LogCycle& cycle, TimePoint now) {
  if (left(view, cycle) == 0) return false;
  if (under_way(cycle) || view.log.bytes >= begin_at(view.limit)) return true;
  if (left(view, cycle) >= begin_early_with(view.limit) && fills_soon(view, cycle, now)) {
    return true;
  }
  return view.log.bytes >= begin_quiet_at(view.limit) && view.quiet >= kQuiet;
}

// Whether a round that begins with so many bytes is half the last one, or less.
bool converges(const LogCycle& cycle, std::uint64_t bytes) { return bytes <= cycle.round / 2; }

bool worth_closing(const LogView& view, const LogCycle& cycle) {
  if (cycle.pinned != 0) return false;
  if (view.quiet >= kQuiet) return true;
  if (cycle.rounds == 0) return false;
  const std::uint64_t bytes = left(view, cycle);
  if (bytes <= kLittleBytes) return true;
  // A round that converges has half as much appended meanwhile.
  if (view.log.bytes + bytes / 2 >= at_most(view.limit)) return true;
  const bool pressed = cycle.strained || view.log.bytes >= view.limit;
  return pressed && !converges(cycle, bytes);
}

std::uint64_t pace(const LogView& view, const LogCycle& cycle) {
  if (cycle.pinned != 0) return kNever;
  // Once all of the log is copied back, the next commit restarts it. That tick is not paced.
  if (left(view, cycle) == 0) return std::max(pace_at(view.limit), view.log.bytes + 1);
  return under_way(cycle) && cycle.strained ? 0 : pace_at(view.limit);
}

LogDecision wait_for_more(const LogView& view, const LogCycle& cycle, TimePoint now) {
  LogDecision out;
  const bool settled = left(view, cycle) == 0;
  const bool watching = !settled && view.log.bytes >= begin_quiet_at(view.limit);
  const std::uint64_t early = cycle.copied + begin_early_with(view.limit);
  out.wake_bytes = !watching                ? begin_quiet_at(view.limit)
                   : early > view.log.bytes ? std::min(early, begin_at(view.limit))
                                            : begin_at(view.limit);
  if (watching) out.wake_at = now + std::max(Duration(0), kQuiet - view.quiet);
  return out;
}

LogDecision next(const LogView& view, const LogCycle& cycle, TimePoint now) {
  if (!cycle.synced) return {.action = LogAction::sync};
  if (view.log.full && (!cycle.not_before || now >= *cycle.not_before)) {
    return {.action = LogAction::close};
  }
  if (view.log.full) return {.wake_bytes = kNever, .wake_at = cycle.not_before};
  if (!due(view, cycle, now)) return wait_for_more(view, cycle, now);
  if (cycle.not_before && now < *cycle.not_before) {
    return {.wake_bytes = kNever, .wake_at = cycle.not_before};
  }
  if (worth_closing(view, cycle)) return {.action = LogAction::close};
  if (view.log.may_copy) return {.action = LogAction::copy};
  // The next commit is what is waited for, or quiet.
  return {.wake_bytes = 0, .wake_at = now + kQuiet};
}

}  // namespace

LogDecision decide(const LogView& view, const LogCycle& cycle, TimePoint now) {
  LogDecision out = next(view, cycle, now);
  out.pace_bytes = pace(view, cycle);
  return out;
}

Duration pause_after(std::uint64_t bytes, std::uint64_t limit, Duration full) {
  const std::uint64_t allowed = std::max<std::uint64_t>(held_back_growth(limit), 1);
  if (bytes >= allowed) return full;
  const double part = static_cast<double>(bytes) / static_cast<double>(allowed);
  return Duration(static_cast<Duration::rep>(static_cast<double>(full.count()) * part));
}

// If the log is shorter than what was copied back of it, a commit has restarted it.
void observe(LogCycle& cycle, const LogState& log, TimePoint now) {
  if (log.bytes == cycle.copied) cycle.settled_at = now;
  if (log.bytes < cycle.copied) cycle = {.settled_at = cycle.settled_at};
}

namespace {

void pinned_by_reader(LogCycle& cycle, const LogPass& pass, TimePoint now) {
  cycle.pinned = pass.bytes - pass.copied;
  if (!cycle.pinned_since) cycle.pinned_since = now;
  cycle.not_before =
      now + std::clamp((now - *cycle.pinned_since) / kPinShare, kPinRetryMin, kPinRetryMax);
}

bool failed(LogCycle& cycle, const LogPass& pass, TimePoint now) {
  if (!pass.ok()) cycle.not_before = now + kRetryAfter;
  return !pass.ok();
}

bool gets_nowhere(const LogCycle& cycle, const LogPass& pass) {
  return pass.copied < pass.bytes && pass.copied <= cycle.copied;
}

void advance(LogCycle& cycle) {
  cycle.not_before.reset();
  cycle.pinned = 0;
  cycle.pinned_since.reset();
}

}  // namespace

void note_copy(LogCycle& cycle, const LogPass& pass, std::uint64_t limit, TimePoint now) {
  if (failed(cycle, pass, now)) return;
  if (gets_nowhere(cycle, pass)) return pinned_by_reader(cycle, pass, now);
  advance(cycle);
  if (pass.copied <= cycle.copied) return;
  const std::uint64_t begun_with = pass.bytes - std::min(pass.bytes, cycle.copied);
  // Not the first round, which began with all that had gathered.
  if (cycle.rounds > 0 && !converges(cycle, begun_with)) cycle.strained = true;
  cycle.copied = pass.copied;
  cycle.synced = false;
  if (pass.bytes < begin_at(limit)) return;  // an early one
  cycle.round = begun_with;
  ++cycle.rounds;
}

void note_sync(LogCycle& cycle) { cycle.synced = true; }

// Whatever is left after it, the next cycle begins from here.
void note_close(LogCycle& cycle, const Closing& closing, TimePoint now) {
  const LogPass& pass = closing.pass;
  if (failed(cycle, pass, now)) {
    // On a full disk it may have taken long to find that there is no room for the ballast.
    cycle.not_before = now + std::max(kRetryAfter, closing.held * kCloseShare);
    return;
  }
  if (!gets_nowhere(cycle, pass)) advance(cycle);
  cycle.rounds = 0;
  cycle.round = 0;
  cycle.strained = false;
  cycle.copied = pass.copied;
  cycle.not_before = now + closing.held * kCloseShare;
  if (pass.copied < pass.bytes) pinned_by_reader(cycle, pass, now);
}

}  // namespace onelane::engine
