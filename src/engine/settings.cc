#include "src/engine/settings.h"

#include <algorithm>
#include <utility>

namespace onelane::inline v0::engine {

Settings::Settings(const ClassOptions& options, const Budget& tick)
    : options_(options), share_(schedule::share_of(options, tick)), shared_(options.coalesce) {
  publish();
}

void Settings::set(ClassOptions&& options, const schedule::Share& share) noexcept {
  const std::scoped_lock lock(mutex_);
  options_ = std::move(options);
  share_ = share;
  ++changes_;
  publish();
}

void Settings::set_share(const schedule::Share& share) noexcept {
  const std::scoped_lock lock(mutex_);
  share_ = share;
  publish();
}

// Publishes what pushing threads read.
void Settings::publish() {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  capacity_records_.store(options_.capacity_records, kRelaxed);
  capacity_bytes_.store(options_.capacity_bytes, kRelaxed);
  records_ever_.store(std::max(records_ever(), options_.capacity_records), kRelaxed);
  step_bytes_max_.store(share_.budget.bytes, kRelaxed);
  block_timeout_.store(options_.block_timeout, kRelaxed);
  when_full_.store(options_.when_full, kRelaxed);
  promise_.store(options_.promise, kRelaxed);
  if (options_.when_full == WhenFull::drop_oldest) shared_.store(true, std::memory_order_release);
}

void Settings::fill(ClassStats& stats, std::uint64_t rivals) const {
  const std::scoped_lock lock(mutex_);
  stats.options = options_;
  stats.changes = changes_;
  const schedule::Unit full{.bytes = options_.capacity_bytes,
                            .records = static_cast<std::uint32_t>(
                                std::min<std::uint64_t>(options_.capacity_records, UINT32_MAX))};
  const schedule::Unit mean{.bytes = full.bytes / full.records, .records = 1};
  stats.worst_wait_ticks = schedule::worst_wait_ticks(share_, full, mean, rivals);
}

}  // namespace onelane::inline v0::engine
