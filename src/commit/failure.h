// What the committer does about a failure: one table, from where it happened, whose fault it is and
// what it left behind. tests/unit/commit_failure_table_test.cpp walks all of it.
#pragma once

#include <cstdint>

#include "onelane/sink.h"

namespace onelane::inline v0::commit {

// Where in a transaction a call failed.
enum class Place : std::uint8_t {
  begin,
  unit,  // a statement of a unit, and what surrounds it
  commit,
};
inline constexpr std::size_t kPlaceCount = 3;

enum class Action : std::uint8_t {
  proceed,
  reject,         // this unit, with the cause; the others go on in the same transaction
  rerun_without,  // roll back, reject this unit, run the rest again
  rerun,  // roll back, run all of it again as it is, kRerunsMax times in a tick; then back off
  wait_for_lock,  // nothing has begun; try again in a moment
  // Roll back, blame nobody, and try again later: with less, or the unit's class by itself.
  // src/engine/retry.h says for how long, and when a unit ends for it all the same.
  back_off,
  // Roll back; only recovery can tell whether the tick was committed, unless a further commit is
  // made durable: what it writes lies where the tick's would be found.
  fence,
  poison,          // roll back; nothing of the tick was applied, and nothing more will be
  poison_unknown,  // the same, but for ever unknown whether the tick was committed
};
inline constexpr std::size_t kEffectCount = 4;

Action action_for(Place place, Fault fault, Effect effect) noexcept;

}  // namespace onelane::inline v0::commit
