#include "src/engine/log_policy.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "onelane/options.h"
#include "src/schedule/pauses.h"

namespace onelane::inline v0::engine {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// Parts of the limit. Where it is closed in on; where that is done in a quiet moment; from where on
// there is room for guarantees alone; where they stop, as far as they can.
constexpr std::uint64_t close_at(std::uint64_t limit) { return limit / 4 * 3; }
constexpr std::uint64_t close_quiet_at(std::uint64_t limit) { return limit / 8; }
constexpr std::uint64_t guarantees_at(std::uint64_t limit) { return limit / 8 * 7; }
constexpr std::uint64_t most_at(std::uint64_t limit) { return limit / 8 * 9; }
// What is written out, and what is copied back, at once: as fast as the disk was until now, it may
// be slower next.
constexpr std::uint64_t window_most(std::uint64_t limit) { return limit / 8; }
constexpr std::uint64_t round_most(std::uint64_t limit) { return limit / 2; }
// However full the log is, so much may be added while something runs: one small tick, or small
// ones.
constexpr std::uint64_t left_least(std::uint64_t limit) { return limit / 64; }

// The disk gets pieces that take so many full ticks, and at least so many floors: then most of it
// is no floor.
constexpr int kWindowTicks = 5;
constexpr int kPieceTicks = 2;  // of a round: somebody may wait for it
constexpr int kWindowFloors = 7;
// A round takes at most so long.
constexpr Duration kRoundTime = seconds(1);
// While one runs, classes may add this part of it beyond their guarantees, and as much again with
// them: so each round is half of the one before, or less.
constexpr std::uint64_t kRoundParts = 4;

// A closing pass may hold the lane as long as a full tick does, but only this part of the lane's
// time; or so many floors, since it syncs the log and the copy.
constexpr int kCloseShare = 20;
constexpr int kCloseFloors = 2;

// The lane's time in which it is forgotten how fast ticks added to the log.
constexpr Duration kGrowthKept = milliseconds(100);
constexpr Duration kQuiet = milliseconds(200);
// Another process holds the lock that a pass needs, or the disk is full.
constexpr Duration kRetryAfter = milliseconds(20);
// A reader that stays is asked about less and less often.
constexpr int kPinShare = 4;
// Most such tries copy nothing. One that does lasts as long as it has lasted already, so far as
// anybody knows (pause_for).
constexpr Duration kTry = milliseconds(1);
constexpr Duration kPinRetryMin = milliseconds(10);
constexpr Duration kPinRetryMax = seconds(1);

double seconds_of(Duration time) { return std::chrono::duration<double>(time).count(); }

Duration from_ns(double ns) {
  return Duration(
      static_cast<Duration::rep>(std::min(ns, static_cast<double>(schedule::kPauseMost.count()))));
}

std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a - std::min(a, b); }

// What is in the log alone.
std::uint64_t away(const LogView& view, const LogCycle& cycle) {
  return minus(view.log.bytes, cycle.copied);
}
// How much of it is on the disk, and how much is not.
std::uint64_t on_disk(const LogView& view, const LogCycle& cycle) {
  return view.commits_sync ? view.log.bytes : cycle.on_disk();
}
std::uint64_t dirty(const LogView& view, const LogCycle& cycle) {
  return minus(view.log.bytes, on_disk(view, cycle));
}

bool closing(const LogView& view) { return view.log.bytes >= close_at(view.limit); }

Duration time_of(const LogView& view, int ticks) {
  return std::max(view.hold * ticks, view.disk.log.floor() * kWindowFloors);
}

// What may be dirty of the log. Twice so much is never nothing.
std::uint64_t window(const LogView& view) {
  if (view.commits_sync) return window_most(view.limit);
  const std::uint64_t bytes = view.disk.log.within(time_of(view, kWindowTicks));
  return std::clamp<std::uint64_t>(bytes, 2, window_most(view.limit));
}

// Of a round: what another's sync may have to wait for. Rounds are of one size, so their floor is
// little more than a guess; the log's is of the same disk.
std::uint64_t piece(const LogView& view) {
  const double bytes = seconds_of(time_of(view, kPieceTicks)) * view.disk.database.bytes_per_s();
  return std::clamp(static_cast<std::uint64_t>(bytes), left_least(view.limit),
                    window_most(view.limit));
}

// A round copies once what many ticks changed, so it is as large as it may be.
std::uint64_t round_at(const LogView& view) {
  return std::min(view.disk.database.within(kRoundTime), round_most(view.limit));
}

Duration floors(const LogView& view) {
  const Duration log = view.commits_sync ? Duration(0) : view.disk.log.floor();
  return log + view.disk.database.floor();
}

Duration close_budget(const LogView& view, const LogCycle& cycle, TimePoint now) {
  const Duration share = cycle.began ? (now - *cycle.began) / kCloseShare : view.hold;
  return std::max(std::min(view.hold, share), kCloseFloors * floors(view));
}

// What a closing pass can do within its budget.
std::uint64_t close_bytes(const LogView& view, const LogCycle& cycle, TimePoint now) {
  const Duration left = close_budget(view, cycle, now) - floors(view);
  const double log = view.commits_sync ? 0 : 1 / view.disk.log.bytes_per_s();
  const double bytes = seconds_of(left) / (log + 1 / view.disk.database.bytes_per_s());
  return static_cast<std::uint64_t>(std::max(1.0, bytes));
}

bool due(const LogView& view, const LogCycle& cycle) {
  const std::uint64_t bytes = away(view, cycle);
  if (bytes == 0) return false;
  if (closing(view) || bytes >= round_at(view)) return true;
  return view.log.bytes >= close_quiet_at(view.limit) && view.quiet >= kQuiet;
}

// Whether another round could take the log too far: then what is left is taken at once, unless it
// is much, as when a reader kept it. Where it is too far already, only what rounds do not make
// less.
bool pressed(const LogView& view, const LogCycle& cycle) {
  const std::uint64_t bytes = away(view, cycle);
  const std::uint64_t after = view.log.bytes + bytes / kRoundParts;
  if (after < most_at(view.limit) || bytes > view.limit / 4) return false;
  return view.log.bytes <= view.limit / 4 * 5 || (cycle.round != 0 && bytes >= cycle.round / 2);
}

bool worth_closing(const LogView& view, const LogCycle& cycle, TimePoint now) {
  if (cycle.pinned != 0) return false;
  const std::uint64_t bytes = away(view, cycle);
  const bool quick = bytes <= close_bytes(view, cycle, now);
  // Without a commit of our own since the last pass there is no other way.
  if (view.quiet >= kQuiet) return quick || !view.log.may_copy;
  return closing(view) && (quick || pressed(view, cycle));
}

LogDecision wait_for_more(const LogView& view, const LogCycle& cycle, TimePoint now) {
  LogDecision out;
  out.wake_bytes = std::min(on_disk(view, cycle) + window(view) / 2,
                            std::max(close_at(view.limit), view.log.bytes + 1));
  if (away(view, cycle) == 0 || view.log.bytes < close_quiet_at(view.limit)) return out;
  out.wake_at = now + std::max(Duration(0), kQuiet - view.quiet);
  return out;
}

LogDecision begin(LogAction action, Duration takes) { return {.action = action, .takes = takes}; }

LogDecision next(const LogView& view, const LogCycle& cycle, TimePoint now) {
  const DiskModel& disk = view.disk;
  const bool holds_off = cycle.not_before && now < *cycle.not_before;
  if (!cycle.synced && !holds_off) {
    return begin(LogAction::sync, disk.database.predict(std::min(cycle.round, piece(view))));
  }
  const LogDecision close = begin(LogAction::close, close_budget(view, cycle, now));
  const LogDecision write = begin(LogAction::write, disk.log.predict(dirty(view, cycle)));
  const bool much = dirty(view, cycle) >= window(view) / 2;
  if (holds_off && (!cycle.synced || view.log.full || due(view, cycle))) {
    if (much && !view.log.full) return write;
    return {.wake_bytes = kNever, .wake_at = cycle.not_before, .takes = *cycle.not_before - now};
  }
  if (view.log.full) return close;
  if (!due(view, cycle)) return much ? write : wait_for_more(view, cycle, now);
  if (worth_closing(view, cycle, now)) return close;
  const Duration copies = disk.database.predict(away(view, cycle));
  if (view.log.may_copy) {
    return {.action = LogAction::copy,
            .piece = piece(view),
            .takes = cycle.pinned != 0   ? kTry
                     : view.commits_sync ? copies
                                         : write.takes + copies};
  }
  // The next commit is what is waited for, or quiet.
  return {.wake_bytes = 0, .wake_at = now + kQuiet};
}

// What an action takes care of, and from where on what is added meanwhile counts. A round's copy
// and its sync are one, which began with the copy.
struct Charge {
  std::uint64_t bytes = 0;
  std::uint64_t from = 0;
};
Charge charge(const LogView& view, const LogCycle& cycle, LogAction action) {
  switch (action) {
    case LogAction::copy:
      return {away(view, cycle), view.log.bytes};
    case LogAction::sync:
      return {cycle.round, cycle.written};
    case LogAction::write:
      return {dirty(view, cycle), view.log.bytes};
    case LogAction::wait:
    case LogAction::close:
      return {dirty(view, cycle), on_disk(view, cycle)};
  }
  return {};
}

LogRoom room_for(std::uint64_t from, std::uint64_t part) { return {from + part, from + 2 * part}; }

// While a reader keeps the log from being copied back, slowing classes down helps nobody. While one
// keeps commits from restarting it, holding it to its limit helps nobody.
LogRoom room(const LogView& view, const LogCycle& cycle, const LogDecision& decision,
             TimePoint now) {
  if (cycle.pinned != 0 && decision.action != LogAction::copy) return {kNever, kNever};
  // Once all of the log is copied back, the next commit restarts it. That tick is not paced.
  if (away(view, cycle) == 0) {
    const LogRoom restarted = room_for(0, window(view));
    const std::uint64_t next = view.log.bytes + 1;
    return {std::max(restarted.free, next), std::max(restarted.most, next)};
  }
  const Charge charged = charge(view, cycle, decision.action);
  const LogRoom out = room_for(charged.from, std::max(charged.bytes / kRoundParts, window(view)));
  if (cycle.blocked) return out;
  const std::uint64_t part = std::max(charged.bytes, close_bytes(view, cycle, now)) / kRoundParts;
  const std::uint64_t closing = std::max(close_at(view.limit), charged.from + part);
  return {std::min({out.free, closing, guarantees_at(view.limit)}),
          std::min({out.most, closing + part, most_at(view.limit)})};
}

}  // namespace

LogDecision decide(const LogView& view, const LogCycle& cycle, TimePoint now) {
  LogDecision out = next(view, cycle, now);
  out.room = room(view, cycle, out, now);
  out.restarted = room_for(0, window(view));
  return out;
}

std::uint64_t left(const LogRoom& room, std::uint64_t bytes, std::uint64_t limit) {
  return std::max<std::uint64_t>({minus(room.most, bytes), left_least(limit), 1});
}

std::uint64_t left_to_limit(std::uint64_t bytes, std::uint64_t limit) {
  return minus(guarantees_at(limit), bytes);
}

// What takes longer than was predicted may take as long again.
Duration pause_for(std::uint64_t added, std::uint64_t left, Duration takes, Duration ago) {
  if (takes == Duration(0)) return takes;
  const auto remaining = static_cast<double>(std::max(takes - ago, ago).count());
  return from_ns(remaining * static_cast<double>(added) / static_cast<double>(left));
}

void LogGrowth::tick(std::uint64_t bytes, Duration held) {
  if (held == Duration(0)) return;  // no tick's own
  const auto ns = static_cast<double>(held.count());
  per_ns_ -= per_ns_ * std::min(1.0, ns / static_cast<double>(kGrowthKept.count()));
  per_ns_ = std::max(per_ns_, static_cast<double>(bytes) / ns);
}

Duration LogGrowth::time_of(std::uint64_t bytes) const {
  return per_ns_ == 0 ? schedule::kPauseMost : from_ns(static_cast<double>(bytes) / per_ns_);
}

// If the log is shorter than what was seen of it, a commit has restarted it.
void observe(LogCycle& cycle, const LogState& log, TimePoint now) {
  if (log.bytes == cycle.copied) cycle.began = now;
  if (log.bytes < cycle.on_disk()) cycle = {.began = cycle.began};
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

void note_write(LogCycle& cycle, std::uint64_t bytes) { cycle.written = bytes; }

void note_copy(LogCycle& cycle, const LogPass& pass, TimePoint now) {
  if (failed(cycle, pass, now)) return;
  if (gets_nowhere(cycle, pass)) return pinned_by_reader(cycle, pass, now);
  advance(cycle);
  if (pass.copied <= cycle.copied) return;
  cycle.round = minus(cycle.written, cycle.copied);
  cycle.copied = pass.copied;
  cycle.synced = false;
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
  cycle.round = 0;
  cycle.copied = pass.copied;
  cycle.written = pass.bytes;
  cycle.blocked = true;  // until a commit is seen to restart it
  cycle.not_before = now + closing.held * kCloseShare;
  if (pass.copied < pass.bytes) pinned_by_reader(cycle, pass, now);
}

}  // namespace onelane::inline v0::engine
