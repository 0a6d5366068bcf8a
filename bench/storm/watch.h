// What watches a run beside its callers: the size of the log, the first error, and patience.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "bench/kit/units.h"
#include "bench/storm/result.h"

namespace onelane::bench::storm {

// The largest size that the log's file has had.
class LogWatch {
 public:
  explicit LogWatch(std::filesystem::path database);
  std::uint64_t finish();

 private:
  void loop(const std::stop_token& stop);

  std::filesystem::path log_;
  std::uint64_t largest_ = 0;  // the thread's, until it has ended
  std::jthread thread_;
};

// The first exception of any thread, to be thrown again on the one that runs the benchmark.
class FirstError {
 public:
  template <class Function>
  void guard(Function&& function) noexcept {
    try {
      function();
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      raised_ = true;
    }
  }
  bool raised() const { return raised_; }
  void rethrow() {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
  std::atomic<bool> raised_{false};
};

// Shows how far the run is, until its time is over; sooner if it was interrupted, or a thread
// failed.
void wait_for_end(const StrategyResult& run, Nanoseconds duration, const FirstError& errors);

// How long what was accepted may take to be written once the time is over; a disk that is full, or
// hangs, would keep a run for ever.
inline constexpr std::chrono::seconds kPatience(20);

// Calls `late`, once, unless it is destroyed in time; sooner if the run was interrupted.
class Patience {
 public:
  Patience(Nanoseconds limit, std::function<void()> late);

 private:
  std::jthread thread_;
};

}  // namespace onelane::bench::storm
