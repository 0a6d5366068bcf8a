// The committer thread: a shell that runs ticks while there is something to do and sleeps
// otherwise.
#pragma once

#include <atomic>
#include <functional>

#include "onelane/clock.h"
#include "onelane/stats.h"
#include "src/engine/thread.h"
#include "src/queue/doorbell.h"

namespace onelane::engine {

class Worker {
 public:
  struct Steps {
    std::function<TickReport()> tick;  // one or more
    std::function<bool()> pending;     // whether a push is under way that no tick has seen
    std::function<TimePoint()> now;
  };

  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { stop(); }

  Status start(Steps steps);
  // Returns after the running tick, if any. From any thread but the worker's own.
  void stop();
  // Whether the thread is to end after the tick it runs.
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  bool mine() const { return thread_.mine(); }

  queue::Doorbell& bell() { return bell_; }

 private:
  void run();

  Steps steps_;
  queue::Doorbell bell_;
  std::atomic<bool> stopping_{false};
  Thread thread_;
};

}  // namespace onelane::engine
