// Calls to a sink that may run out of memory. What it did by then is undone by the rollback that
// follows any failed call; of COMMIT nobody can know.
#pragma once

#include <new>

#include "onelane/sink.h"
#include "src/base/memory.h"

namespace onelane::inline v0::commit {

// The call's reply, or that there was no memory for it, with this effect.
template <class Call>
Reply sheltered(Effect effect, const Call& call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    Reply reply;
    reply.fault = Fault::environment;
    reply.effect = effect;
    reply.cause = base::out_of_memory();
    return reply;
  }
}

}  // namespace onelane::inline v0::commit
