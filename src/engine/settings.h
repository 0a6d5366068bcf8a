// The options of one class, which Journal::set_class changes between two ticks, while threads push.
//
// The baton's holder changes them; of a class that is shared(), while it holds the class's lock.
// What a pushing thread has to know of them is read without a lock, each by itself: a push may see
// some of them old and some new.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"
#include "src/schedule/plan.h"

namespace onelane::inline v0::engine {

class Settings {
 public:
  Settings(const ClassOptions& options, const Budget& tick);

  // --- Any thread.
  std::uint64_t capacity_records() const { return read(capacity_records_); }
  std::uint64_t capacity_bytes() const { return read(capacity_bytes_); }
  WhenFull when_full() const { return read(when_full_); }
  Duration block_timeout() const { return read(block_timeout_); }
  Promise promise() const { return read(promise_); }
  std::uint64_t step_bytes_max() const { return read(step_bytes_max_); }  // of a job
  // The largest capacity that the class ever had: what is queued may be of that time.
  std::uint64_t records_ever() const { return read(records_ever_); }
  // Whether a push to the full class makes room for itself, so that the class has a lock. It stays
  // so once the class has dropped its oldest.
  bool shared() const { return shared_.load(std::memory_order_acquire); }
  // The options, and what follows from them; `rivals` is the number of other classes.
  void fill(ClassStats& stats, std::uint64_t rivals) const;

  // --- The baton's holder; the options also whoever holds the class's lock.
  const ClassOptions& options() const { return options_; }
  const schedule::Share& share() const { return share_; }
  void set(ClassOptions&& options, const schedule::Share& share) noexcept;
  // The journal's tick has changed.
  void set_share(const schedule::Share& share) noexcept;

 private:
  template <class T>
  static T read(const std::atomic<T>& value) {
    return value.load(std::memory_order_relaxed);
  }
  void publish();

  mutable std::mutex mutex_;  // of these, for readers with neither baton nor lock
  ClassOptions options_;
  schedule::Share share_;
  std::uint64_t changes_ = 0;

  std::atomic<std::uint64_t> capacity_records_{0};
  std::atomic<std::uint64_t> capacity_bytes_{0};
  std::atomic<std::uint64_t> records_ever_{0};
  std::atomic<std::uint64_t> step_bytes_max_{0};
  std::atomic<Duration> block_timeout_{Duration(0)};
  std::atomic<WhenFull> when_full_{WhenFull::block};
  std::atomic<Promise> promise_{Promise::committed};
  std::atomic<bool> shared_{false};
};

}  // namespace onelane::inline v0::engine
