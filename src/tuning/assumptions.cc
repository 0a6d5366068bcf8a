#include "src/tuning/assumptions.h"

#include <algorithm>
#include <cstddef>

#include "src/tuning/disk.h"

namespace onelane::inline v0::tuning {

std::vector<std::string> assumptions_of(const Trace& trace, const Sources& sources,
                                        const Samples& samples) {
  std::vector<std::string> out;
  const auto count = [](std::size_t number) { return std::to_string(number); };
  out.push_back(
      "Of " + count(sources.count()) + " threads that pushed, " + count(sources.closed()) +
      " push again as soon as the lane lets them, " + count(sources.paced()) +
      " wait for their unit but not longer than they idle, and the others push when they did.");
  out.emplace_back(
      "A tick's statements and commit take the mean for its records and bytes, times what a "
      "recorded one of about its size and time took more or less.");
  if (std::any_of(samples.steps.begin(), samples.steps.end(),
                  [](const StepLengths& each) { return each.by_time(); })) {
    out.emplace_back(
        "Steps of jobs that used up their time do so here: with another hold they are longer or "
        "shorter.");
  }
  const auto paced = std::count_if(trace.ticks.begin(), trace.ticks.end(),
                                   [](const TracedTick& tick) { return tick.paced; });
  if (paced != 0) {
    out.emplace_back(
        "In " + count(static_cast<std::size_t>(paced)) + " of " + count(trace.ticks.size()) +
        " ticks the disk was behind: at those times classes pause for what they add to "
        "the log as long as they did.");
  }
  const auto failed = std::count_if(trace.ticks.begin(), trace.ticks.end(),
                                    [](const TracedTick& tick) { return !tick.kept; });
  if (failed != 0) {
    out.push_back(count(static_cast<std::size_t>(failed)) +
                  " recorded ticks were rolled back; here none is.");
  }
  if (!trace.closing_passes.empty() && was_behind(trace)) {
    out.push_back("The " + count(trace.closing_passes.size()) +
                  " passes that held the lane to close the log take as long with any budgets: how "
                  "long is the disk's doing, and another run may have longer ones. With shorter "
                  "ticks more of them are long.");
  } else if (!trace.closing_passes.empty()) {
    out.emplace_back(
        "The passes that held the lane to close the log do so at the same times; where a tick's "
        "hold is shorter than it was, no longer than that or than the shortest of them were.");
  }
  return out;
}

}  // namespace onelane::inline v0::tuning
