// What is kept of a class whose units are journaled, beside what every class has.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "src/engine/applied_units.h"

namespace onelane::engine {

struct JournaledClass {
  explicit JournaledClass(std::string class_name) : name(std::move(class_name)) {}

  const std::string name;
  AppliedUnits applied;
  std::atomic<Position> newest{0};  // that is journaled; the pen's
  std::atomic<std::uint64_t> dead_letters{0};
  std::atomic<bool> full{false};  // the intake has no room, until something is committed
};

}  // namespace onelane::engine
