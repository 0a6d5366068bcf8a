// The capacity of one class: who may push now, and who waits for room.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "onelane/clock.h"

namespace onelane::queue {

class Gate {
 public:
  // Bytes are counted in these, rounded up for each unit.
  static constexpr std::uint64_t kGranule = 64;
  static constexpr std::uint64_t kRecordsMax = (1ULL << 27) - 1;
  static constexpr std::uint64_t kBytesMax = kGranule * ((1ULL << 37) - 1);

  Gate(std::uint64_t records_max, std::uint64_t bytes_max)
      : records_max_(records_max), granules_max_(bytes_max / kGranule) {}

  // Any thread. Charges the unit, or says that there is no room.
  bool grant(std::uint64_t records, std::uint64_t bytes) {
    // seq_cst: pairs with release(), see there.
    std::uint64_t now = used_.load(std::memory_order_seq_cst);
    while (records_of(now) + records <= records_max_ &&
           granules_of(now) + granules(bytes) <= granules_max_) {
      if (used_.compare_exchange_weak(now, now + packed(records, bytes),
                                      std::memory_order_seq_cst)) {
        return true;
      }
    }
    return false;
  }

  // Waits until granted() says so, which calls grant(); false once `timeout` passed or the gate was
  // closed.
  template <class Granted>
  bool wait(const Granted& granted, Duration timeout) {
    std::unique_lock lock(mutex_);
    waiting_.fetch_add(1, std::memory_order_seq_cst);
    bool got = false;
    changed_.wait_for(lock, timeout, [&] {
      got = !closed_ && granted();
      return got || closed_;
    });
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return got;
  }

  // What one unit is charged with; these add up.
  static std::uint64_t packed(std::uint64_t records, std::uint64_t bytes) {
    return (granules(bytes) << kRecordBits) + records;
  }

  // Any thread: gives back what was granted, a sum of packed() units. Either a waiter's grant sees
  // the room, or we see the waiter: both sides use seq_cst.
  void release(std::uint64_t packed) {
    used_.fetch_sub(packed, std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_seq_cst) != 0) notify();
  }

  void close() {
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

  // Whether somebody waits for room.
  bool crowded() const { return waiting_.load(std::memory_order_relaxed) != 0; }
  std::uint64_t records() const { return records_of(used_.load(std::memory_order_relaxed)); }
  std::uint64_t bytes() const {
    return granules_of(used_.load(std::memory_order_relaxed)) * kGranule;
  }

 private:
  static constexpr unsigned kRecordBits = 27;  // the rest is granules: one word, one exchange
  static_assert(kRecordsMax == (1ULL << kRecordBits) - 1);

  static std::uint64_t granules(std::uint64_t bytes) { return (bytes + kGranule - 1) / kGranule; }
  static std::uint64_t records_of(std::uint64_t used) { return used & kRecordsMax; }
  static std::uint64_t granules_of(std::uint64_t used) { return used >> kRecordBits; }

  void notify() {
    { const std::scoped_lock lock(mutex_); }  // a waiter is now either asleep or yet to look
    changed_.notify_all();
  }

  const std::uint64_t records_max_;
  const std::uint64_t granules_max_;
  std::atomic<std::uint64_t> used_{0};
  std::atomic<std::uint32_t> waiting_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
};

}  // namespace onelane::queue
