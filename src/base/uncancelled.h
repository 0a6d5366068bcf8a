// While an Uncancelled lives, pthread_cancel does not end its thread. Otherwise SQLite would be
// unwound in the middle of a transaction, and a ticket might never be settled. The cancellation
// takes effect afterwards.
#pragma once

#include <pthread.h>

namespace onelane::inline v0::base {

class Uncancelled {
 public:
  Uncancelled() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  Uncancelled(const Uncancelled&) = delete;
  Uncancelled& operator=(const Uncancelled&) = delete;
  ~Uncancelled() { pthread_setcancelstate(before_, nullptr); }

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace onelane::inline v0::base
