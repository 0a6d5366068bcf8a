#include "onelane/clock.h"

#include "src/base/immortal.h"

namespace onelane::inline v0 {

namespace {

class SteadyClock final : public Clock {
 public:
  time_point now() const noexcept override {
    return time_point(std::chrono::steady_clock::now().time_since_epoch());
  }
};

}  // namespace

const Clock& steady_clock() noexcept {
  static const base::Immortal<SteadyClock> clock;
  return *clock;
}

}  // namespace onelane::inline v0
