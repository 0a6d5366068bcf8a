// Bounds that follow from the options alone. README.md derives them.
#include <algorithm>

#include "src/schedule/plan.h"
#include "src/schedule/predict.h"

namespace onelane::inline v0::schedule {

namespace {

__extension__ using Wide = unsigned __int128;

// The most ticks that the units ahead add in one dimension, records or bytes: ticks that ended
// because the next unit would have exceeded the guarantee, and the extra ticks of units larger than
// the guarantee.
std::uint64_t ticks_of(std::uint64_t ahead, std::uint64_t largest, std::uint64_t guarantee,
                       std::uint64_t rivals) {
  if (ahead == 0) return 0;
  const Wide any_two = Wide{guarantee} + 1;  // two ticks in a row take at least this much together
  if (largest > guarantee) {
    const Wide oversize = ahead / any_two;
    return static_cast<std::uint64_t>(2 * Wide{ahead} / any_two + oversize * (Wide{rivals} + 1));
  }
  const std::uint64_t each = guarantee - largest + 1;  // each such tick takes at least this much
  return std::min((ahead - 1) / each, static_cast<std::uint64_t>(2 * (Wide{ahead} - 1) / any_two));
}

}  // namespace

Share share_of(const ClassOptions& options, const Budget& tick) {
  Share share;
  share.guarantee = options.guarantee;
  share.budget = options.budget;
  if (share.budget.records == 0) share.budget.records = tick.records;
  if (share.budget.bytes == 0) share.budget.bytes = tick.bytes;
  if (share.budget.hold == Duration(0)) share.budget.hold = tick.hold;
  share.weight = options.weight;
  share.max_delay = options.max_delay;
  share.gather = options.gather;
  return share;
}

bool guarantees_fit(const Budget& tick, std::span<const Share> shares) {
  const Wide area = Wide{tick.records} * tick.bytes;
  Wide used = 0;
  for (const Share& share : shares) {
    const Guarantee& guarantee = share.guarantee;
    if (guarantee.records > tick.records || guarantee.bytes > tick.bytes) return false;
    used += std::max(Wide{guarantee.records} * tick.bytes, Wide{guarantee.bytes} * tick.records);
    if (used > area) return false;
  }
  return true;
}

std::uint64_t worst_wait_ticks(const Share& share, const Unit& ahead, const Unit& largest,
                               std::uint64_t rivals) {
  const Guarantee guarantee = effective_guarantee(share);
  const bool at_head = ahead.records == largest.records && ahead.bytes == largest.bytes;
  if (at_head) {
    const std::uint64_t need = ticks_of_credit(ahead, guarantee);
    return need > 1 ? need + rivals : 1;
  }
  return 1 + ticks_of(ahead.records, largest.records, guarantee.records, rivals) +
         ticks_of(ahead.bytes, largest.bytes, guarantee.bytes, rivals);
}

}  // namespace onelane::inline v0::schedule
