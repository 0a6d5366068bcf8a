// Does something at the last moment before a thread sleeps on a futex, for the whole test program:
// its own syscall() takes the place of the C library's. What the C library does for itself, mutexes
// and condition variables included, does not come through it.
#pragma once

#include <functional>

namespace onelane::test {

// While it lives, this is done before each futex wait of the thread that made it. One for a thread.
class BeforeSleep {
 public:
  explicit BeforeSleep(std::function<void()> deed);
  ~BeforeSleep();
  BeforeSleep(const BeforeSleep&) = delete;
  BeforeSleep& operator=(const BeforeSleep&) = delete;

 private:
  const std::function<void()> deed_;
};

}  // namespace onelane::test
