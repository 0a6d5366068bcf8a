// A commit that changes nothing but really writes: whether the store takes commits at all.
#pragma once

#include "onelane/sink.h"
#include "src/commit/sheltered.h"
#include "src/engine/lanes.h"

namespace onelane::inline v0::engine {

// The baton's holder's, with the lanes' lock. A sink that ran out of memory may have left its
// transaction open.
inline Reply probe(Sink& sink, const Lanes& lanes) {
  const Lanes::LetGo meanwhile(lanes);
  bool lost = false;
  Reply reply = commit::sheltered(Effect::ended, [&] {
    lost = true;
    Reply answer = sink.probe();
    lost = false;
    return answer;
  });
  if (lost) (void)commit::sheltered(Effect::kept, [&] { return sink.rollback(); });
  return reply;
}

// Whether somebody else was in the way, which says nothing about the store.
inline bool in_the_way(Fault probed) noexcept {
  return probed == Fault::busy || probed == Fault::conflict;
}

// Whether no later probe will succeed, either. As in BEGIN and COMMIT: see commit/failure.cc.
inline bool is_final(Fault probed) noexcept {
  return probed == Fault::sync || probed == Fault::corrupt || probed == Fault::internal;
}

}  // namespace onelane::inline v0::engine
