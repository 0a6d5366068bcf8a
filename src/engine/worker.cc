#include "src/engine/worker.h"

#include <algorithm>
#include <utility>

namespace onelane::engine {

Status Worker::start(Steps steps) {
  steps_ = std::move(steps);
  return thread_.start([this] { run(); });
}

void Worker::stop() {
  if (!thread_.started()) return;
  stopping_.store(true, std::memory_order_release);
  bell_.wake();
  thread_.join();
}

void Worker::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    const TickReport report = steps_.tick();
    if (report.more) {
      if (report.units == 0) std::this_thread::yield();  // a push that has not finished yet
      continue;
    }
    std::optional<Duration> timeout;
    if (report.next) timeout = std::max(Duration(0), *report.next - steps_.now());
    bell_.sleep(steps_.pending, timeout);
  }
}

}  // namespace onelane::engine
