// What the units of one class that came from one call site did: since the journal was opened, and
// in the last minute. Written as tally.h says, read by any thread. Takes 65 KiB.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "onelane/clock.h"
#include "onelane/stats.h"
#include "src/engine/slices.h"
#include "src/model/histogram.h"

namespace onelane::inline v0::engine {

class Series {
  // What each tick writes lies together: a tick's thread is often another than the last one's.
  struct Slice {
    std::atomic<std::uint64_t> offered{0};
    std::atomic<std::uint64_t> commits{0};
    std::atomic<std::uint64_t> held_ns{0};
    model::CoarseHistogram wait;
    model::CoarseHistogram total;
    void clear() noexcept;
  };

 public:
  // Units that reached the lane.
  void offered(TimePoint now, std::uint64_t units) noexcept;
  // Any thread. Counted in a slice with what reaches the lane next.
  void refused() noexcept { refused_.fetch_add(1, std::memory_order_relaxed); }
  // Any thread: whether anything of it was ever offered.
  bool any() const noexcept {
    return offered_.load(std::memory_order_relaxed) + refused_.load(std::memory_order_relaxed) != 0;
  }
  // One unit that began, or ended.
  void waited(Duration wait, TimePoint now) noexcept { one(wait, all_.wait, now, &Slice::wait); }
  void ended(Duration total, TimePoint now) noexcept { one(total, all_.total, now, &Slice::total); }
  // That the commit holds some of it, and how long the lane was held for that.
  void held(std::uint64_t commit, Duration time, TimePoint now) noexcept;

  // Committed units, one after another: recorded when this ends, at the latest.
  class Run {
   public:
    Run(Series& series, TimePoint now) noexcept : Run(series, series.slices_.at(now)) {}
    void record(Duration wait, Duration total) noexcept {
      waits_.record(wait);
      totals_.record(total);
    }

   private:
    Run(Series& series, Series::Slice& slice) noexcept
        : wait_{series.all_.wait, slice.wait},
          total_{series.all_.total, slice.total},
          waits_(wait_),
          totals_(total_) {}

    // Records into both.
    struct Both {
      model::SharedHistogram& all;
      model::CoarseHistogram& slice;
      void record(std::size_t bucket, std::uint64_t count, std::uint64_t sum,
                  std::uint64_t max) noexcept {
        all.record(bucket, count, sum, max);
        slice.record(bucket, count, sum, max);
      }
    };
    Both wait_;
    Both total_;
    model::HistogramRun<Both> waits_;
    model::HistogramRun<Both> totals_;
  };

 private:
  friend class SeriesSum;

  void one(Duration value, model::SharedHistogram& all, TimePoint now,
           model::CoarseHistogram Slice::*part) noexcept;

  std::atomic<std::uint64_t> offered_{0};
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> held_ns_{0};
  std::uint64_t refused_seen_ = 0;  // in slices
  std::uint64_t last_commit_ = 0;
  struct {
    model::SharedHistogram wait;
    model::SharedHistogram total;
  } all_;
  Slices<Slice> slices_;
  std::atomic<std::uint64_t> refused_{0};  // any thread's
};

// What several series did together, any thread's. What it gives needs memory.
class SeriesSum {
 public:
  SeriesSum(TimePoint opened, TimePoint now) : opened_(opened), now_(now) {}
  void add(const Series& part) { parts_.push_back(&part); }

  Activity all() const;
  // Of the newest `whole` slices, and the one that has begun.
  Activity newest(std::size_t whole) const;
  std::vector<ActivityPoint> timeline() const;

 private:
  TimePoint opened_;
  TimePoint now_;
  std::vector<const Series*> parts_;
};

}  // namespace onelane::inline v0::engine
