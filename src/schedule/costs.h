// Learns what records, bytes and commits cost from what ticks took.
#pragma once

#include <cstdint>

#include "onelane/clock.h"
#include "src/schedule/plan.h"

namespace onelane::schedule {

class CostModel {
 public:
  void add_class();
  // What `records` and `bytes` of one class took to execute.
  void learn_slice(std::uint32_t klass, std::uint64_t records, std::uint64_t bytes,
                   Duration elapsed);
  // What BEGIN and COMMIT of a tick with that many records and bytes took.
  void learn_commit(std::uint64_t records, std::uint64_t bytes, Duration elapsed);
  const Costs& costs() const { return costs_; }

 private:
  Costs costs_;
};

}  // namespace onelane::schedule
