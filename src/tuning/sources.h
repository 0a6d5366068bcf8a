// A source is one thread of the recorded program. It says at which virtual time that thread pushes
// its next unit.
//
//   open    its pushes come when they were recorded, whatever the lane does
//   paced   it calls write(), and idled between its calls for most of the time: as open, but never
//           before the call before has returned
//   closed  it called write() one after the other, or waited for room in a full class: what came
//           before decides when it comes again, as long after that as recorded; once it is through
//           it begins again, so that it never stops being a rival
//
// Of a thread that waits on receipts the trace does not know that it does. But one that mostly has
// something in the lane, and never two things, is closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "onelane/trace.h"

namespace onelane::inline v0::tuning {

struct Arrival {
  TimePoint at;
  std::uint32_t source = 0;
  std::uint32_t unit = 0;  // its number in the trace
};

class Sources {
 public:
  explicit Sources(const Trace& trace);

  // The next one in time; none while all wait for something.
  std::optional<TimePoint> next() const {
    return arrivals_.empty() ? std::nullopt : std::optional(arrivals_.top().at);
  }
  Arrival take();

  // What became of the arrival that was taken, once: it is in its class's queue from then on, or
  // was refused. Of one whose caller waits, then that it has ended.
  void entered(const Arrival& arrival, TimePoint now);
  void refused(const Arrival& arrival, TimePoint now);
  void ended(std::uint32_t source, std::uint32_t unit, TimePoint now);

  std::size_t closed() const { return closed_; }  // how many sources are
  std::size_t paced() const { return paced_; }
  std::size_t count() const { return sources_.size(); }

 private:
  enum class Kind : std::uint8_t { open, paced, closed };
  struct Source {
    Kind kind = Kind::open;
    bool one_by_one = false;           // it waits for each, whatever the trace says of that
    std::vector<std::uint32_t> units;  // in the order of its pushes
    std::size_t next = 0;
  };
  struct Later {
    bool operator()(const Arrival& a, const Arrival& b) const {
      return a.at != b.at ? a.at > b.at : a.unit > b.unit;
    }
  };

  void judge(Source& source) const;
  bool waits_for(const Source& source, std::uint32_t unit) const {
    return source.kind != Kind::open && (source.one_by_one || units_[unit].caller_waits);
  }
  void go_on(std::uint32_t source, TimePoint now, bool waited);

  const std::vector<TracedUnit>& units_;
  std::vector<Source> sources_;
  std::priority_queue<Arrival, std::vector<Arrival>, Later> arrivals_;
  std::size_t closed_ = 0;
  std::size_t paced_ = 0;
};

}  // namespace onelane::inline v0::tuning
