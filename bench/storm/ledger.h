// What callers were told: counts and times per source, and a mark for each acknowledged write, for
// the verification. One per thread, merged at the end.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/storm/timeline.h"
#include "onelane/stats.h"

namespace onelane::bench::storm {

using Instant = std::chrono::steady_clock::time_point;

// Which of a workload's sources of writes: their number, from 0.
enum class Source : std::uint8_t {};
constexpr std::size_t index(Source source) noexcept { return static_cast<std::size_t>(source); }

// An acknowledged write.
struct Mark {
  Source source{};
  std::uint32_t key = 0;     // of the storm: the peer or the domain; 0 for blobs and sync
  std::uint64_t number = 0;  // of this source's writes
  std::uint64_t order = 0;   // a write with a higher one was committed later
};

// How a write ended that was not acknowledged as committed.
enum class Refusal : std::uint8_t {
  busy,        // the lock or the room did not come in time
  failed,      // any other error
  superseded,  // a newer one of the same key was written instead
  dropped,     // the queue was full, and the class drops its oldest
  unserved,    // no caller had begun with it when the run was over
};
inline constexpr std::size_t kRefusals = 5;

struct Tally {
  std::uint64_t offered = 0;
  std::uint64_t acknowledged = 0;
  std::array<std::uint64_t, kRefusals> refused{};
  std::uint64_t rows = 0;       // changed by acknowledged writes
  Histogram total;              // ns, from the intended start to the answer, whatever it was
  Histogram wait;               // ns, from push to BEGIN; of a lane only
  std::vector<Moment> moments;  // of each answer, with its total

  void answered(Nanoseconds after);
  std::uint64_t count(Refusal why) const { return refused[static_cast<std::size_t>(why)]; }
};

class Ledger {
 public:
  Tally& of(Source source);
  const Tally& of(Source source) const;  // empty of a source that was never heard of

  void acknowledge(const Mark& mark, std::uint64_t rows, Nanoseconds total);
  void refuse(Source source, Refusal why, Nanoseconds total, const std::string& error = "");
  // A transaction of `rows` acknowledged more; for strategies that know them per transaction only.
  void add_rows(Source source, std::uint64_t rows) { of(source).rows += rows; }
  void held(Nanoseconds hold);
  void merge_hold(const Histogram& hold) { hold_.merge(hold); }

  void merge(const Ledger& other);

  const std::vector<Mark>& marks() const { return marks_; }
  const Histogram& hold() const { return hold_; }
  const std::string& first_error() const { return first_error_; }

 private:
  std::vector<Tally> tallies_;  // by source
  std::vector<Mark> marks_;
  Histogram hold_;
  std::string first_error_;  // of what ended as failed
};

}  // namespace onelane::bench::storm
