// A way of writing a workload. run.cc drives it; everything that differs between strategies is
// behind this.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "bench/run/workload.h"
#include "bench/storm/result.h"
#include "bench/storm/strategy.h"

namespace onelane::bench::run {

using storm::Instant;
using storm::Ledger;

inline storm::Source source_of(std::size_t index) {
  return storm::Source{static_cast<std::uint8_t>(index)};
}

// One unit to write: its number, of its source's from 0, and when its write was meant to start.
struct Unit {
  std::uint64_t number = 0;
  Instant intended;
};

// What a caller of a closed source writes next.
struct Feed {
  std::function<bool()> over;  // the time
  std::function<Unit()> next;  // after its pause
};

// What one thread writes with.
class Writer {
 public:
  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  virtual ~Writer() = default;

  // A call of an open source: one unit, or those of a job.
  virtual void serve(std::size_t source, std::span<const Unit> units) = 0;
  // All that a caller of a closed source writes, until the time is over.
  virtual void serve_closed(std::size_t source, const Feed& feed) = 0;
};

class Strategy : public storm::AnyStrategy {
 public:
  // For one thread, whose own the ledger is.
  virtual std::unique_ptr<Writer> writer(Ledger& ledger) = 0;
};

// Every caller BEGINs for itself, on a connection of its own.
std::unique_ptr<Strategy> make_direct(const Workload& workload,
                                      const std::filesystem::path& database);
// They push to a journal. The workload must outlive both.
std::unique_ptr<Strategy> make_lane(const Workload& workload,
                                    const std::filesystem::path& database);

}  // namespace onelane::bench::run
