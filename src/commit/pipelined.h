// Which unit each record is of that a sink has sent on before the store has answered
// (PipelinedCalls), so that what the store says later finds its way.
#pragma once

#include <vector>

#include "onelane/sink.h"
#include "src/model/entry.h"

namespace onelane::inline v0::commit {

struct Work;

// Empties `returned`. Throws bad_alloc.
void keep_returned(detail::Entry& entry, std::vector<ReturnedRow>& returned);

// With a sink that sends nothing on, none of this does anything.
class Pipelined {
 public:
  // Null: the sink sends nothing on.
  explicit Pipelined(PipelinedCalls* calls) : calls_(calls) {}

  bool on() const noexcept { return calls_ != nullptr; }
  void begin() noexcept { sent_.clear(); }
  // Before a unit's calls: whether each waits for the store's answer.
  void wait_for_each(bool wait) {
    if (calls_ != nullptr) calls_->wait_for_each(wait);
  }
  // A record of the unit was applied, as far as is known by now. Throws bad_alloc.
  void applied(Work& unit);
  // The unit that the failure is of, if it was sent on before the call that failed; or null.
  Work* failed() const noexcept;
  // After the commit: gives the entries what came of them. What a unit returned is left out if
  // there is no memory for it.
  void settle() noexcept;

 private:
  struct Sent {
    Work* unit = nullptr;
    const detail::Entry* entry = nullptr;  // the unit's then: it may have given way since
  };
  bool counts(const Sent& sent) const noexcept;

  PipelinedCalls* const calls_;
  std::vector<Sent> sent_;  // by the record's number
};

}  // namespace onelane::inline v0::commit
