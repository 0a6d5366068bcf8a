// A thread of the journal's own: it works while there is something to do, and sleeps otherwise.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "onelane/clock.h"
#include "onelane/status.h"
#include "src/queue/doorbell.h"

namespace onelane::inline v0::engine {

class Thread {
 public:
  struct Sleep {
    std::optional<Duration> at_most;  // none: until it is rung for
  };
  struct Work {
    const char* name = "";  // by which the system's tools show the thread: 15 characters count
    // A piece of work: none if the next one follows at once, or how long there is nothing to do.
    std::function<std::optional<Sleep>()> step;
    // Whether there is something to do after all; asked before each sleep.
    std::function<bool()> pending;
  };

  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { stop(); }

  // ok, or that the system has no thread to give: then there is none. It takes no signals: they are
  // the program's.
  Status start(Work work);
  // For good. Returns after the running step, if any; not to be called where mine() is true.
  void stop();
  // Whether stop() was called, with a thread or without.
  bool stopping() const { return stopping_.load(); }
  bool started() const { return thread_.joinable(); }
  // Only its own id can compare equal, so a stale read does no harm.
  bool mine() const { return self_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

  // After stop(): the caller sleeps in the thread's stead, until it is rung for or `at_most` is
  // over.
  void sleep_instead(Duration at_most) {
    bell_.sleep([] { return false; }, at_most);
  }

  // Any thread: see queue/doorbell.h.
  void ring() { bell_.ring(); }
  void wake() { bell_.wake(); }

 private:
  void run();

  Work work_;
  queue::Doorbell bell_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::thread::id> self_{};
  std::thread thread_;
};

}  // namespace onelane::inline v0::engine
