#include "tools/workload/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "tools/kit/units.h"

namespace onelane::tools {
namespace {

// No shorter time says anything of a rate.
constexpr Duration kSpanMin = std::chrono::milliseconds(100);

constexpr double kBeforeRow = 6;  // bytes, see Group::bytes()

double ns(Duration time) { return static_cast<double>(time.count()); }

// From when on the thread could push again.
TimePoint free_after(const TracedUnit& unit, bool caller_waits) {
  return caller_waits && unit.left != TimePoint::max() ? unit.left : unit.pushed;
}

// What the units of a source have in common.
struct Way {
  std::uint8_t write_class = 0;
  std::uint32_t site = 0;
  UnitKind kind = UnitKind::record;
  bool caller_waits = false;
  bool journaled = false;
  bool closed = false;

  auto all() const { return std::tuple(write_class, site, kind, caller_waits, journaled, closed); }
  bool operator<(const Way& other) const { return all() < other.all(); }
};
using Numbers = std::vector<std::uint32_t>;  // of units in the trace

class Sorter {
 public:
  explicit Sorter(const Trace& trace) : trace_(trace), habits_(habits_of(trace)) {
    TimePoint first = TimePoint::max(), last{};
    for (const TracedUnit& unit : trace.units) {
      if (unit.is_flush()) continue;
      first = std::min(first, unit.pushed);
      last = std::max(last, unit.pushed);
    }
    load_.span = std::max(kSpanMin, last - std::min(first, last));
  }

  RecordedLoad run() {
    std::map<Way, Numbers> ways = sorted(true);
    const bool by_site = ways.size() <= kSourcesMax;
    if (!by_site) {
      ways = sorted(false);
      leave_out(fmt::format("Call sites: with them there were more than {} sources.", kSourcesMax));
    }
    for (auto& [way, numbers] : ways) {
      load_.sources.push_back(measured(way, std::move(numbers)));
      if (by_site) load_.sources.back().site = trace_.sites[way.site];
    }
    leave_out_small_ones();
    leave_out_what_no_source_has();
    return std::move(load_);
  }

 private:
  void leave_out(std::string what) { load_.left_out.push_back(std::move(what)); }

  const ClassOptions& class_of(const TracedUnit& unit) const {
    return trace_.budgets.classes[unit.write_class];
  }

  std::map<Way, Numbers> sorted(bool by_site) const {
    std::map<Way, Numbers> ways;
    for (std::uint32_t i = 0; i < trace_.units.size(); ++i) {
      const TracedUnit& unit = trace_.units[i];
      if (unit.is_flush()) continue;
      const auto known = habits_.find(unit.caller);
      const CallerHabit habit = known == habits_.end() ? CallerHabit{} : known->second;
      const Way way{.write_class = unit.write_class,
                    .site = by_site ? unit.site : 0,
                    .kind = unit.kind,
                    .caller_waits = unit.caller_waits || habit.one_by_one,
                    .journaled = unit.promise == Promise::journaled && class_of(unit).intake,
                    .closed = habit.closed};
      ways[way].push_back(i);
    }
    return ways;
  }

  RecordedSource measured(const Way& way, Numbers numbers) const {
    const auto earlier = [this](std::uint32_t a, std::uint32_t b) {
      return trace_.units[a].pushed < trace_.units[b].pushed;
    };
    std::stable_sort(numbers.begin(), numbers.end(), earlier);
    RecordedSource source{.write_class = way.write_class,
                          .kind = way.kind,
                          .caller_waits = way.caller_waits,
                          .journaled = way.journaled,
                          .closed = way.closed,
                          .units = numbers.size()};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const TracedUnit& unit = trace_.units[numbers[i]];
      if (i != 0) source.gap_ns.add(ns(unit.pushed - trace_.units[numbers[i - 1]].pushed));
      add_size(source, unit);
    }
    measure_callers(source, numbers);
    if (trace_.budgets.classes[way.write_class].coalesce) source.keys = keys_of(numbers);
    return source;
  }

  static void add_size(RecordedSource& source, const TracedUnit& unit) {
    source.records += unit.records;
    const auto bytes = static_cast<double>(unit.bytes);
    if (unit.kind == UnitKind::group) {
      const double records = std::max<double>(1, unit.records);
      source.bytes.add(std::max(0.0, bytes / records - kBeforeRow), records);
    } else {
      source.bytes.add(bytes);
    }
    if (unit.kind == UnitKind::job && unit.steps != 0) source.steps.add(unit.steps);
  }

  // In the order of the pushes.
  void measure_callers(RecordedSource& source, const Numbers& numbers) const {
    struct Times {
      TimePoint first;
      TimePoint free;
    };
    std::map<std::uint16_t, Times> callers;
    for (const std::uint32_t number : numbers) {
      const TracedUnit& unit = trace_.units[number];
      const auto [at, fresh] = callers.try_emplace(unit.caller, Times{unit.pushed, unit.pushed});
      Times& own = at->second;
      if (!fresh && !unit.waited_for_room) {
        source.pause_ns.add(std::max(0.0, ns(unit.pushed - own.free)));
      }
      own.free = free_after(unit, source.caller_waits);
    }
    double at_work = 0;
    for (const auto& [caller, own] : callers) at_work += ns(own.free - own.first) / ns(load_.span);
    source.callers = callers.size();
    if (source.closed) {
      const auto most = static_cast<double>(callers.size());
      source.callers = static_cast<std::uint64_t>(std::clamp(std::round(at_work), 1.0, most));
    }
  }

  // A push supersedes an older unit if that waits and has its key. With the keys at random, the
  // part of the pushes that do is the number that wait, on average, divided by the keys.
  std::uint64_t keys_of(const Numbers& numbers) const {
    double superseded = 0, waiting_ns = 0;
    for (const std::uint32_t number : numbers) {
      const TracedUnit& unit = trace_.units[number];
      if (!unit.served && unit.behind != number) superseded += 1;
      if (unit.left != TimePoint::max()) waiting_ns += ns(unit.left - unit.pushed);
    }
    if (superseded == 0) return 0;
    const double part = superseded / static_cast<double>(numbers.size());
    const double keys = waiting_ns / ns(load_.span) / part;
    return static_cast<std::uint64_t>(std::clamp(std::round(keys), 1.0, 1e9));
  }

  // The file's limits, see kSourcesMax and kPerSecondMin.
  void leave_out_small_ones() {
    std::vector<RecordedSource>& sources = load_.sources;
    const double least = kPerSecondMin * kit::to_seconds(load_.span);
    const auto rare = [least](const RecordedSource& source) {
      return !source.closed && static_cast<double>(source.units) < least;
    };
    if (const auto count = std::erase_if(sources, rare); count != 0) {
      leave_out(fmt::format("Sources with less than a push in 100 s: {}.", count));
    }
    if (sources.size() <= kSourcesMax) return;
    std::stable_sort(sources.begin(), sources.end(),
                     [](const auto& a, const auto& b) { return a.units > b.units; });
    leave_out(fmt::format("The {} sources with the fewest units.", sources.size() - kSourcesMax));
    sources.resize(kSourcesMax);
  }

  void leave_out_what_no_source_has() {
    std::uint64_t flushes = 0, durable = 0;
    for (const TracedUnit& unit : trace_.units) {
      flushes += unit.is_flush() ? 1 : 0;
      durable += unit.promise == Promise::durable && class_of(unit).promise != Promise::durable;
    }
    if (flushes != 0) leave_out(fmt::format("Flushes: {}.", flushes));
    if (durable != 0) {
      leave_out(fmt::format("That {} units were to be durable, which their class does not say.",
                            durable));
    }
    if (!trace_.damage.empty()) leave_out(fmt::format("The end of the trace: {}.", trace_.damage));
    if (trace_.lost_ticks != 0)
      leave_out(fmt::format("Ticks that are not in the trace: {}.", trace_.lost_ticks));
  }

  const Trace& trace_;
  const std::map<std::uint16_t, CallerHabit> habits_;
  RecordedLoad load_;
};

}  // namespace

void Moments::add(double value, double weight) {
  least_ = weight_ == 0 ? value : std::min(least_, value);
  most_ = weight_ == 0 ? value : std::max(most_, value);
  weight_ += weight;
  sum_ += value * weight;
  squares_ += value * value * weight;
}

double Moments::deviation() const {
  if (weight_ == 0) return 0;
  return std::sqrt(std::max(0.0, squares_ / weight_ - mean() * mean()));
}

RecordedLoad load_of(const Trace& trace) { return Sorter(trace).run(); }

}  // namespace onelane::tools
