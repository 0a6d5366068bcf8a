// The grammar in onelane/sink.h, as something that a test can hold a journal's calls to: says of
// each call whether it may come now. CheckedSink does so for any sink.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "onelane/sink.h"

namespace onelane::test {

enum class Call : std::uint8_t {
  begin,
  apply,
  verify,
  savepoint,
  release,
  rollback_to,
  execute,
  end_step,
  commit,
  rollback,
  probe,
  sync,  // of a CommitSync: not a part of the grammar
  add_statement,
  commits_of,
  begins_log_anew,
  apply_each,
  mark,
  close_in,
  close,
};
inline constexpr std::size_t kCallCount = 19;

std::string_view name_of(Call call);

class SinkGrammar {
 public:
  // Of a sink with savepoints, unless it says otherwise.
  explicit SinkGrammar(bool savepoints = true, bool marks = false)
      : savepoints_(savepoints), marks_(marks) {}

  // Empty if the call may come now; else what is wrong.
  std::string refusal(Call call) const;
  // What it answered; of a call that threw bad_alloc, Fault::environment.
  void answered(Call call, const Reply& reply);
  void answered_anew(bool begins_anew);

 private:
  // What came last, and so what may come now.
  enum class State : std::uint8_t {
    between,      // no transaction
    begun,        // a begin
    asked,        // begins_log_anew, and it does not
    anew,         // begins_log_anew, and it does
    anew_undone,  // the rollback after it
    anew_probed,  // the probe after that
    open,         // a unit, of which nothing is left to do
    applied,      // an apply without a savepoint
    unit,         // a savepoint
    group,        // an apply under it
    step,         // an execute under it
    step_failed,  // one that failed, and that rollback_to undoes with its step
    step_lost,    // one that failed otherwise
    step_ended,   // end_step
    verified,     // verify of what is under a savepoint
    unit_failed,  // a failure that rollback_to undoes
    marked,
    failed,  // a failure, or close_in: a rollback is left
    broken,  // a rollback that failed
    closed,
  };
  static constexpr std::size_t kStateCount = 20;
  friend struct MayCome;

  State after(Call call) const;
  State after_failure(Call call, const Reply& reply) const;

  bool savepoints_;
  bool marks_;
  bool units_ = false;  // in this transaction
  State state_ = State::between;
};

// Passes all calls on to another sink, and fails the test where the grammar does not allow one.
std::unique_ptr<Sink> checked(std::unique_ptr<Sink> sink);

}  // namespace onelane::test
