#include "bench/storm/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "tools/kit/interrupt.h"
#include "tools/kit/terminal.h"

namespace onelane::bench::storm {
namespace {

constexpr std::chrono::milliseconds kSampleGap(10);
constexpr std::chrono::seconds kPatienceInterrupted(3);

}  // namespace

LogWatch::LogWatch(std::filesystem::path database)
    : log_(database += "-wal"), thread_([this](const std::stop_token& stop) { loop(stop); }) {}

std::uint64_t LogWatch::finish() {
  thread_.request_stop();
  thread_.join();
  return largest_;
}

void LogWatch::loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::error_code gone;
    std::uint64_t size = std::filesystem::file_size(log_, gone);
    if (!gone) largest_ = std::max(largest_, size);
    std::this_thread::sleep_for(kSampleGap);
  }
}

void wait_for_end(const StrategyResult& run, Nanoseconds duration, const FirstError& errors) {
  constexpr std::chrono::milliseconds kShown(100);
  Progress progress;
  while (!interrupted() && !errors.raised()) {
    const Nanoseconds elapsed = std::chrono::steady_clock::now() - run.began;
    if (elapsed >= duration) return;
    progress.show(
        fmt::format("{}: {:.0f} of {:.0f} s", run.name, to_seconds(elapsed), to_seconds(duration)));
    std::this_thread::sleep_for(std::min<Nanoseconds>(duration - elapsed, kShown));
  }
}

Patience::Patience(Nanoseconds limit, std::function<void()> late)
    : thread_([limit, late = std::move(late)](const std::stop_token& stop) {
        const auto began = std::chrono::steady_clock::now();
        while (!stop.stop_requested()) {
          const Nanoseconds waited = std::chrono::steady_clock::now() - began;
          if (waited > limit || (interrupted() && waited > kPatienceInterrupted)) return late();
          std::this_thread::sleep_for(kSampleGap);
        }
      }) {}

}  // namespace onelane::bench::storm
