#include "src/commit/failure.h"

#include <array>

namespace onelane::inline v0::commit {

namespace {

using enum Action;

// Effects: undone, kept, ended, unknown.
using Row = std::array<Action, kEffectCount>;

constexpr Row always(Action action) { return {action, action, action, action}; }

// Faults: none, record, busy, conflict, environment, read_only, sync, corrupt, internal.
constexpr std::array<std::array<Row, kFaultCount>, kPlaceCount> kTable{{
    // begin: there is no transaction yet, so nothing is lost and nobody is to blame.
    {{
        always(proceed),
        always(poison),  // BEGIN has no record: a broken invariant
        always(wait_for_lock),
        always(back_off),  // nothing was done yet that could be in conflict
        always(back_off),
        always(back_off),  // read-only, perhaps for a while: a probe will tell
        always(poison),
        always(poison),
        always(poison),
    }},
    // unit: SQLite undoes a failed statement by itself, except where it says otherwise.
    {{
        always(proceed),
        {reject, rerun_without, rerun_without, rerun_without},
        always(back_off),
        always(rerun),
        // Always the environment's, even where the transaction survived: the statement cannot know.
        always(back_off),
        always(back_off),
        always(poison),  // a sync inside a statement: there was no COMMIT, so it is surely undone
        always(poison),
        always(poison),
    }},
    // commit: what is surely undone or still open can run again; the rest a fence has to settle.
    {{
        always(proceed),
        // A deferred violation that verify() did not name: the halving finds the unit.
        {back_off, back_off, back_off, fence},
        {back_off, back_off, back_off, fence},
        {rerun, rerun, rerun, fence},
        {back_off, back_off, back_off, fence},
        {back_off, back_off, back_off, fence},
        // A sync failed: the frames may be there after a crash, whatever is visible now.
        always(poison_unknown),
        {poison, poison, poison, poison_unknown},
        {poison, poison, poison, poison_unknown},
    }},
}};

}  // namespace

Action action_for(Place place, Fault fault, Effect effect) noexcept {
  return kTable[static_cast<std::size_t>(place)][static_cast<std::size_t>(fault)]
               [static_cast<std::size_t>(effect)];
}

}  // namespace onelane::inline v0::commit
