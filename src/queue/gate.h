// The capacity of one class. A push is charged here before it is enqueued, or waits for room.
//
// Waiting threads are served in the order of arrival. The thread that releases room charges it to
// the first of them. If all were woken to try again, a few of many producers would win every time,
// and the others would wait until they time out. While a thread waits, no other push is granted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

#include "onelane/clock.h"
#include "src/base/parker.h"
#include "src/model/limits.h"

namespace onelane::inline v0::queue {

class Gate {
 public:
  // Bytes are counted in these, rounded up for each unit.
  static constexpr std::uint64_t kGranule = 64;

  Gate(std::uint64_t records_max, std::uint64_t bytes_max) : max_(packed(records_max, bytes_max)) {}

  // What a unit is charged, in one word. The sum of two is what both are charged.
  static std::uint64_t packed(std::uint64_t records, std::uint64_t bytes) {
    return (granules(bytes) << kRecordBits) + records;
  }

  // Any thread. Charges the unit, or says that there is no room.
  bool grant(std::uint64_t packed) {
    return waiting_.load(std::memory_order_relaxed) == 0 && charge(packed);
  }

  // Charges the unit if it fits a capacity that is larger by `more`, even if other threads wait for
  // room. For a push that replaces an older unit of its key, or whose class cannot drop the units
  // that a tick has in hand.
  bool grant_beyond(std::uint64_t packed, std::uint64_t more) { return charge(packed, more); }
  // Charges the unit even if there is no room.
  void force(std::uint64_t packed) { used_.fetch_add(packed, std::memory_order_seq_cst); }

  // Any thread. Waits until the unit is charged; false once `timeout` passed, the gate was closed,
  // or the unit is larger than the whole capacity. Calls `begun` once crowded() says that it waits.
  bool wait(std::uint64_t packed, Duration timeout, const std::function<void()>& begun);

  // Any thread: gives back what was granted, a sum of packed() units.
  void release(std::uint64_t packed) {
    // Both are seq_cst: either a thread that starts to wait now sees the room, or we see it wait.
    used_.fetch_sub(packed, std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_seq_cst) != 0) hand_out();
  }

  // Changes the capacity. What is charged stays charged, however much that is. Waiting units that
  // fit now are charged, and the waits of those that never will are over.
  void resize(std::uint64_t records_max, std::uint64_t bytes_max);

  // Ends all waits, and refuses later ones. Does not refuse grant().
  void close();

  static std::uint64_t records_of(std::uint64_t packed) { return packed & kRecordsMax; }
  // Whether more was charged than there is room for.
  bool overfull() const {
    return !within(used_.load(std::memory_order_relaxed), max_.load(std::memory_order_relaxed));
  }
  // Whether a thread waits for room.
  bool crowded() const { return waiting() != 0; }
  std::uint32_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  std::uint64_t records() const { return records_of(used_.load(std::memory_order_relaxed)); }
  std::uint64_t bytes() const {
    return granules_of(used_.load(std::memory_order_relaxed)) * kGranule;
  }

 private:
  // Records in the low bits, granules in the rest: one word, so one compare-and-swap charges both.
  static constexpr unsigned kRecordBits = 28;
  static constexpr std::uint64_t kRecordsMax = (1ULL << kRecordBits) - 1;
  // A class that drops its oldest holds up to as much again as its capacity.
  static_assert(2 * model::kCapacityRecordsMax <= kRecordsMax);
  static_assert(2 * model::kCapacityBytesMax / kGranule < 1ULL << (64 - kRecordBits));

  struct Queuer {
    explicit Queuer(std::uint64_t unit) : packed(unit) {}

    const std::uint64_t packed;
    base::Parker parker;
    Queuer* next = nullptr;  // in the queue; once out of it, the thread that this one wakes
    bool called = false;     // out of the queue: granted, or refused
    bool granted = false;
  };

  static std::uint64_t granules(std::uint64_t bytes) { return (bytes + kGranule - 1) / kGranule; }
  static std::uint64_t granules_of(std::uint64_t used) { return used >> kRecordBits; }
  static bool within(std::uint64_t used, std::uint64_t max) {
    return records_of(used) <= records_of(max) && granules_of(used) <= granules_of(max);
  }

  bool charge(std::uint64_t packed, std::uint64_t more = 0) {
    const std::uint64_t max = max_.load(std::memory_order_relaxed);
    const std::uint64_t records_max = records_of(max) + records_of(more);
    const std::uint64_t granules_max = granules_of(max) + granules_of(more);
    std::uint64_t now = used_.load(std::memory_order_seq_cst);
    while (records_of(now) + records_of(packed) <= records_max &&
           granules_of(now) + granules_of(packed) <= granules_max) {
      if (used_.compare_exchange_weak(now, now + packed, std::memory_order_seq_cst)) return true;
    }
    return false;
  }

  void hand_out();
  Queuer* call_those_who_fit();
  Queuer* call_those_too_large();
  static void wake(Queuer* first) {
    if (first != nullptr) first->parker.unpark();
  }
  bool leave(Queuer& self);

  std::atomic<std::uint64_t> max_;      // packed; written with mutex_
  std::atomic<std::uint64_t> used_{0};  // packed
  std::atomic<std::uint32_t> waiting_{0};
  std::mutex mutex_;  // guards what follows, and the Queuers in the queue
  Queuer* first_ = nullptr;
  Queuer** end_ = &first_;
  bool closed_ = false;
};

}  // namespace onelane::inline v0::queue
