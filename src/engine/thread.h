// A thread of the journal's own. It knows whether it is the calling one: whoever waits for its end,
// or for what it does, must not be.
#pragma once

#include <atomic>
#include <exception>
#include <string>
#include <thread>
#include <utility>

#include "onelane/status.h"
#include "src/base/memory.h"

namespace onelane::engine {

class Thread {
 public:
  // ok, or that the system has no thread to give: then there is none.
  template <class Run>
  Status start(Run run) {
    try {
      thread_ = std::thread([this, run = std::move(run)] {
        self_.store(std::this_thread::get_id(), std::memory_order_relaxed);
        run();
        self_.store(std::thread::id(), std::memory_order_relaxed);  // the id may be given again
      });
      return {};
    } catch (const std::exception& error) {
      return base::worded(Errc::storage, [&] {
        return std::string("the journal cannot start a thread: ") + error.what();
      });
    }
  }

  // Only its own id can compare equal, so a stale read does no harm.
  bool mine() const { return self_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }
  bool started() const { return thread_.joinable(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::atomic<std::thread::id> self_{};
  std::thread thread_;
};

}  // namespace onelane::engine
