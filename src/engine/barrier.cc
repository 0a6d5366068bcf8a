// The barrier to the disk.
#include <algorithm>

#include "src/engine/core.h"
#include "src/engine/patience.h"
#include "src/engine/retry.h"
#include "src/queue/doorbell.h"

namespace onelane::inline v0::detail {

// A flush, and a commit after it that the disk has to prove itself with.
Status Core::sync(std::optional<Duration> timeout) {
  if (Status why = may_wait("sync"); !why.ok()) return why;
  std::optional<TimePoint> until;
  if (timeout) until = engine::after(clock_->now(), *timeout);
  if (Status why = flush(timeout); !why.ok()) {
    if (why.code() != Errc::timed_out) return why;
    return {Errc::timed_out, "sync, in its " + why.message()};
  }
  const Result<std::uint64_t> commit = touch(until);
  if (!commit) return commit.status();
  return *commit <= durable() ? Status() : wait_durable(*commit, until);
}

// The number of a commit of its own. Somebody else's lock is waited for as the committer does it:
// here, and not in SQLite, so that the lane is free and the time given is kept.
Result<std::uint64_t> Core::touch(std::optional<TimePoint> until) {
  engine::Retry patience;
  queue::Doorbell nobody_rings;
  for (;;) {
    Result<std::uint64_t> commit = try_touch();
    if (commit || commit.status().code() != Errc::locked) return commit;
    if (options_.drive == Drive::manual) {
      return Status(Errc::would_block,
                    "the database is locked, and a manual journal does not wait: " +
                        commit.status().message(),
                    commit.status().sqlite_code());
    }
    Duration pause = patience.locked();
    if (until) {
      const Duration left = *until - clock_->now();
      if (left <= Duration(0)) {
        return Status(Errc::timed_out, "sync: the time given is over: " + commit.status().message(),
                      commit.status().sqlite_code());
      }
      pause = std::min(pause, left);
    }
    nobody_rings.sleep([] { return false; }, pause);
  }
}

}  // namespace onelane::inline v0::detail
