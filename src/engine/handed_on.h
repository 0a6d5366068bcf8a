// What the pen has written of one class's units, and hands on to the lane in their order. A list
// through the entries, since what is journaled may not fail for want of memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

#include "onelane/clock.h"
#include "src/model/entry.h"

namespace onelane::inline v0::engine {

// A list of entries by `next`, oldest first.
class EntryList {
 public:
  bool empty() const { return first_ == nullptr; }
  Entry* front() const { return first_; }
  void push(Entry* entry) {
    entry->next = nullptr;
    *(first_ == nullptr ? &first_ : &last_->next) = entry;
    last_ = entry;
  }
  Entry* pop() {
    Entry* const out = first_;
    first_ = std::exchange(out->next, nullptr);
    return out;
  }
  void unpop(Entry* entry) {
    if (first_ == nullptr) last_ = entry;
    entry->next = std::exchange(first_, entry);
  }
  // All of the other one's, behind ours.
  void append(EntryList& other) {
    if (other.empty()) return;
    *(first_ == nullptr ? &first_ : &last_->next) = other.first_;
    last_ = other.last_;
    other.first_ = nullptr;
  }

 private:
  Entry* first_ = nullptr;
  Entry* last_ = nullptr;  // if there is a first
};

class HandedOn {
 public:
  // The pen's holder: has drained a unit. Before the queue says that it is gone.
  void hold() { held_.fetch_add(1); }
  // The pen's holder: hands on `count` units. Whether somebody has to tick for them: not while a
  // gathering window is open that the lane knows of, unless somebody is in a hurry.
  bool add(EntryList& entries, std::uint64_t count, bool hurry, TimePoint now) {
    {
      const std::scoped_lock lock(mutex_);
      entries_.append(entries);
    }
    held_.fetch_sub(count);
    const bool wanted = hurry || now.time_since_epoch().count() >= gathers_until_.load();
    if (wanted) wanted_.store(true);
    return wanted;
  }

  // The baton's holder, or of a class that is shared(), whoever holds the class's lock: calls
  // stage() for each, in order. What it throws leaves its entry, and the rest, for the next call.
  template <class Stage>
  void take_all(const Stage& stage) {
    gathers_until_.store(kNoWindow);
    wanted_.store(false);
    {
      const std::scoped_lock lock(mutex_);
      taken_.append(entries_);
    }
    while (!taken_.empty()) {
      Entry* const entry = taken_.pop();  // first: stage() may free it
      try {
        stage(entry);
      } catch (const std::bad_alloc&) {
        taken_.unpop(entry);
        wanted_.store(true);
        throw;
      }
    }
  }
  // The lane plans no tick before then for what it has of the class, which is older than all that
  // comes.
  void gather_until(TimePoint until) { gathers_until_.store(until.time_since_epoch().count()); }

  // Any thread: whether there is something that nobody may have planned for.
  bool wanted() const { return wanted_.load(); }
  // The baton's holder, or who holds the class's lock: whether there is anything, the pen's
  // included.
  bool any() const {
    const std::scoped_lock lock(mutex_);
    return held_.load() != 0 || !entries_.empty() || !taken_.empty();
  }

 private:
  mutable std::mutex mutex_;
  EntryList entries_;
  static constexpr Duration::rep kNoWindow = TimePoint::min().time_since_epoch().count();

  std::atomic<Duration::rep> gathers_until_{kNoWindow};
  std::atomic<bool> wanted_{false};
  std::atomic<std::uint64_t> held_{0};  // by the pen
  EntryList taken_;                     // and not staged for want of memory
};

}  // namespace onelane::inline v0::engine
