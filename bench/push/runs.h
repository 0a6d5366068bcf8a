// One run of each contestant: threads that push bursts, while what they push to is emptied.
#pragma once

#include <cstdint>
#include <filesystem>

#include "bench/kit/trials.h"

namespace onelane::bench::push {

struct Load {
  std::uint64_t producers = 1;
  std::uint64_t row_bytes = 0;  // one of kRowBytes
  std::uint64_t burst = 0;      // rows that all producers push together before they wait
  std::uint64_t bursts = 0;     // that are measured; one more goes before them
  double clock_cost_ns = 0;
};

inline constexpr std::uint64_t kRowBytes[] = {16, 100, 128, 4096};

// A journal with its thread, which commits to SQLite meanwhile, with room for a burst.
Figures run_journal(const Load& load, const std::filesystem::path& database);

// What is enqueued: the row's bytes, or as many as the journal's entry for it takes, which is a
// ticket and a header beside the row, in blocks.
enum class Element : std::uint8_t { row, entry };

// moodycamel's queue, without tokens as the journal uses it, of elements by value. A thread empties
// it meanwhile, as often as a journal ticks.
Figures run_queue(const Load& load, Element element);

}  // namespace onelane::bench::push
