#include "src/engine/thread.h"

#include <pthread.h>

#include <exception>
#include <string>
#include <utility>

#include "src/base/memory.h"
#include "src/base/signals.h"

namespace onelane::inline v0::engine {

Status Thread::start(Work work) {
  work_ = std::move(work);
  try {
    const base::SignalsHeld held;
    thread_ = std::thread([this] { run(); });
    return {};
  } catch (const std::exception& error) {
    return base::worded(Errc::storage, [&] {
      return std::string("the journal cannot start a thread: ") + error.what();
    });
  }
}

void Thread::run() {
  (void)pthread_setname_np(pthread_self(), work_.name);
  self_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!stopping()) {
    if (const std::optional<Sleep> rest = work_.step()) bell_.sleep(work_.pending, rest->at_most);
  }
  self_.store(std::thread::id(), std::memory_order_relaxed);  // the id may be given again
}

void Thread::stop() {
  stopping_.store(true);
  if (!thread_.joinable()) return;
  bell_.wake();
  thread_.join();
}

}  // namespace onelane::inline v0::engine
