// Threads of our own take no signals: a handler of the program's would run on a thread that it does
// not know, and sigwait() elsewhere would miss them.
#pragma once

#include <csignal>

namespace onelane::inline v0::base {

// While one lives, its thread holds back all signals but those that a fault of its own raises, and
// those of a profiler. A thread inherits that from the one that makes it.
class SignalsHeld {
 public:
  SignalsHeld() noexcept {
    sigset_t held;
    sigfillset(&held);
    for (const int raised : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF}) {
      sigdelset(&held, raised);
    }
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace onelane::inline v0::base
