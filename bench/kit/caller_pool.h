// Open-loop service: work is offered when it is due, whether or not anybody is free, and a bounded
// number of threads serve it in that order. What waits for a free thread keeps its place.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace onelane::bench {

template <class Work>
class CallerPool {
 public:
  using Serve = std::function<void(const Work&)>;

  // One thread for each; a `serve` is only called by its own thread.
  explicit CallerPool(std::vector<Serve> serves) {
    for (Serve& serve : serves) {
      threads_.emplace_back([this, serve = std::move(serve)] { loop(serve); });
    }
  }
  CallerPool(const CallerPool&) = delete;
  CallerPool& operator=(const CallerPool&) = delete;
  ~CallerPool() { (void)finish(); }

  void offer(Work work) {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    changed_.notify_one();
  }

  // Waits until nothing waits for a free thread any more, for at most `longest`.
  void drain(std::chrono::nanoseconds longest, const std::function<bool()>& give_up) {
    constexpr std::chrono::milliseconds kLook(10);
    auto end = std::chrono::steady_clock::now() + longest;
    while (waiting() != 0 && std::chrono::steady_clock::now() < end && !give_up()) {
      std::this_thread::sleep_for(kLook);
    }
  }

  std::size_t waiting() const {
    std::lock_guard lock(mutex_);
    return queue_.size();
  }

  // Takes back what no thread has begun, and waits for what one has.
  std::deque<Work> finish() {
    std::deque<Work> left;
    {
      std::lock_guard lock(mutex_);
      left.swap(queue_);
      finished_ = true;
      changed_.notify_all();
    }
    threads_.clear();  // joins
    return left;
  }

 private:
  void loop(const Serve& serve) {
    while (std::optional<Work> work = take()) serve(*work);
  }

  std::optional<Work> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return finished_ || !queue_.empty(); });
    if (queue_.empty()) return std::nullopt;
    Work work = std::move(queue_.front());
    queue_.pop_front();
    return work;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;
  bool finished_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace onelane::bench
