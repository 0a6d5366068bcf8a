// The load that a trace recorded, in the terms of a workload file: sources, each with its arrivals
// and the sizes of what it wrote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "onelane/clock.h"
#include "onelane/trace.h"

namespace onelane::tools {

// A workload file has no more sources, and no source that is rarer.
inline constexpr std::size_t kSourcesMax = 64;
inline constexpr double kPerSecondMin = 0.01;

// Mean, deviation and bounds of numbers.
class Moments {
 public:
  void add(double value, double weight = 1);
  double weight() const { return weight_; }
  double mean() const { return weight_ == 0 ? 0 : sum_ / weight_; }
  double deviation() const;
  double least() const { return least_; }  // 0 if there is none
  double most() const { return most_; }

 private:
  double weight_ = 0;
  double sum_ = 0;
  double squares_ = 0;
  double least_ = 0;
  double most_ = 0;
};

// The units of one class and call site that were pushed in one way.
struct RecordedSource {
  std::size_t write_class = 0;  // index in Budgets::classes
  std::string site;             // empty: of all call sites
  UnitKind kind = UnitKind::record;
  bool caller_waits = false;  // by write(), or on the receipt
  bool journaled = false;     // its class has an intake, and the unit was to be journaled
  // Its threads went on as soon as the lane let them, so that they set no rate of their own.
  bool closed = false;

  std::uint64_t units = 0;
  std::uint64_t records = 0;
  // Of a closed one: threads at work, on average over the span; else the threads that pushed.
  std::uint64_t callers = 0;
  Moments pause_ns;  // from when a thread was free to its next push
  Moments gap_ns;    // from push to push, of whatever thread
  Moments bytes;     // of a row, or of a job's step
  Moments steps;     // of jobs that were served
  // As many keys, drawn at random, would have superseded about as many units; 0: none was.
  std::uint64_t keys = 0;
};

struct RecordedLoad {
  Duration span{0};  // from the first push to the last; at least 100 ms
  std::vector<RecordedSource> sources;
  std::vector<std::string> left_out;  // what of the trace is in none of them; a sentence each
};

// Of a trace whose budgets are valid.
RecordedLoad load_of(const Trace& trace);

}  // namespace onelane::tools
