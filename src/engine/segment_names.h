// What the numbers in the intake stand for: those of the journal's classes and statements.
#pragma once

#include <cstdint>
#include <string_view>

#include "src/engine/lanes.h"
#include "src/engine/statements.h"
#include "src/intake/unit.h"

namespace onelane::inline v0::engine {

class SegmentNames final : public intake::Names {
 public:
  // Both must outlive it.
  SegmentNames(const Lanes& lanes, const Statements& statements)
      : lanes_(lanes), statements_(statements) {}

  std::string_view klass(std::uint16_t number) const override { return lanes_[number].name; }
  const StatementSpec& statement(std::uint16_t number) const override {
    return statements_.spec(number);
  }

 private:
  const Lanes& lanes_;
  const Statements& statements_;
};

}  // namespace onelane::inline v0::engine
