#include "src/engine/fence.h"

#include <new>

#include "src/base/memory.h"
#include "src/engine/probe.h"

namespace onelane::inline v0::engine {

void Fence::keep(std::span<commit::Work> work, const Status& cause, const Settlement::At& at) {
  commit_ = with_.recorder.committed() + 1;
  units_ = with_.settlement.leave_behind(work, at);
  with_.state.become_unknown(cause);
}

Fence::Result Fence::raise(Try how, const Settlement::At& at) {
  const Status cause = with_.state.cause();
  bool committed = false;
  const Reply fenced = write_over(committed);
  if (committed) {
    with_.state.recover();
    with_.recovery.found_committed(units_.size());
    with_.settlement.settle_found(units_, at);
    return Result::committed;
  }
  if (fenced.ok()) {
    with_.state.recover();
    with_.recovery.fenced(units_, cause, at.now);
    with_.settlement.put_back(units_, at);
    return Result::settled;
  }
  if (!in_the_way(fenced.fault) && fenced.fault != Fault::environment) return Result::poisoned;
  if (how == Try::one_of_many) {
    with_.recovery.fence_failed(fenced, at.now);
    return Result::later;
  }
  abandon(cause, at);
  with_.state.give_up_fence();
  return Result::settled;
}

void Fence::abandon(const Status& cause, const Settlement::At& at) {
  with_.settlement.settle_unknown(units_, commit_, cause, at);
}

// Asks after the probe, which is the first call that a sink may answer on another connection.
onelane::Result<bool> Fence::was_committed() const {
  Watermark* const watermark = with_.sink.watermark();
  if (watermark == nullptr) return false;
  return base::sheltered([&]() -> onelane::Result<bool> {
    const onelane::Result<std::uint64_t> newest = watermark->commits_of(watermark->epoch());
    if (!newest) return newest.status();
    return *newest >= commit_;
  });
}

Reply Fence::write_over(bool& committed) {
  Reply reply;
  reply.fault = Fault::internal;
  if (!with_.durability.possible()) return reply;
  reply = probe(with_.sink, with_.lanes);
  if (!reply.ok()) return reply;
  const onelane::Result<bool> found = was_committed();
  if (!found) {
    reply.fault = Fault::environment;
    reply.cause = found.status();
    return reply;
  }
  committed = *found;
  if (committed) return reply;
  with_.recorder.fence();
  reply.fault = Fault::sync;
  const Lanes::LetGo meanwhile(with_.lanes);
  try {
    if (with_.durability.fence(with_.recorder.count_commit())) reply.fault = Fault::none;
  } catch (const std::bad_alloc&) {  // a sync that could not be asked for counts as failed
  }
  return reply;
}

}  // namespace onelane::inline v0::engine
