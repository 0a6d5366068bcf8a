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
  Gate(std::uint64_t records_max, std::uint64_t bytes_max)
      : records_max_(records_max), bytes_max_(bytes_max) {}

  // Any thread. Charges the unit, or says that there is no room.
  bool grant(std::uint64_t records, std::uint64_t bytes) {
    // seq_cst: pairs with release(), see there.
    if (!charge(records_, records, records_max_)) return false;
    if (charge(bytes_, bytes, bytes_max_)) return true;
    // Nobody is told: whoever this kept out for a moment is told when the bytes that kept us out
    // are given back.
    records_.fetch_sub(records, std::memory_order_seq_cst);
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

  // Any thread: gives back what was granted. Either a waiter's grant sees the room, or we see the
  // waiter: both sides use seq_cst.
  void release(std::uint64_t records, std::uint64_t bytes) {
    records_.fetch_sub(records, std::memory_order_seq_cst);
    bytes_.fetch_sub(bytes, std::memory_order_seq_cst);
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
  std::uint64_t records() const { return records_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  static bool charge(std::atomic<std::uint64_t>& used, std::uint64_t n, std::uint64_t max) {
    std::uint64_t now = used.load(std::memory_order_seq_cst);
    while (now + n <= max) {
      if (used.compare_exchange_weak(now, now + n, std::memory_order_seq_cst)) return true;
    }
    return false;
  }

  void notify() {
    { const std::scoped_lock lock(mutex_); }  // a waiter is now either asleep or yet to look
    changed_.notify_all();
  }

  const std::uint64_t records_max_;
  const std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint32_t> waiting_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
};

}  // namespace onelane::queue
