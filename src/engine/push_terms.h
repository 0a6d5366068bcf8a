// What a pushing thread has to know of its class's options. The baton's holder changes them while
// threads push (Journal::set_class), so each is read by itself and without a lock: a push may see
// some of them old and some new.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "onelane/clock.h"
#include "onelane/options.h"

namespace onelane::inline v0::engine {

class PushTerms {
 public:
  // --- Any thread.
  std::uint64_t capacity_records() const { return read(capacity_records_); }
  std::uint64_t capacity_bytes() const { return read(capacity_bytes_); }
  WhenFull when_full() const { return read(when_full_); }
  Duration block_timeout() const { return read(block_timeout_); }
  Promise promise() const { return read(promise_); }
  std::uint64_t step_bytes_max() const { return read(step_bytes_max_); }  // of a job
  // The largest capacity that the class ever had: what is queued may be of that time.
  std::uint64_t records_ever() const { return read(records_ever_); }

  // --- The baton's holder.
  void set(const ClassOptions& options) {
    write(capacity_records_, options.capacity_records);
    write(capacity_bytes_, options.capacity_bytes);
    write(when_full_, options.when_full);
    write(block_timeout_, options.block_timeout);
    write(promise_, options.promise);
    write(records_ever_, std::max(records_ever(), options.capacity_records));
  }
  void set_step_bytes_max(std::uint64_t bytes) { write(step_bytes_max_, bytes); }

 private:
  template <class T>
  static T read(const std::atomic<T>& value) {
    return value.load(std::memory_order_relaxed);
  }
  template <class T>
  static void write(std::atomic<T>& value, T to) {
    value.store(to, std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> capacity_records_{0};
  std::atomic<std::uint64_t> capacity_bytes_{0};
  std::atomic<std::uint64_t> records_ever_{0};
  std::atomic<std::uint64_t> step_bytes_max_{0};
  std::atomic<Duration> block_timeout_{Duration(0)};
  std::atomic<WhenFull> when_full_{WhenFull::block};
  std::atomic<Promise> promise_{Promise::committed};
};

}  // namespace onelane::inline v0::engine
