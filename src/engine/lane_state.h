// The state of the lane as one value, and the only home of the first error.
//
//   state     a tick              a push is            entered by          left by
//   open      plans and commits   accepted             opening, recover()  every other row's
//   stalled   probes              refused: cause (**)  stall()             recover(), end()
//   unknown   tries a fence       accepted (*)         become_unknown()    recover(),
//                                                                          give_up_fence()
//   closing   plans and commits   refused: closed      close()             end(), stall(),
//                                                                          become_unknown()
//   closed    settles the rest    refused: closed      end()
//   poisoned  settles the rest    refused: its error   poison()            nothing: it is final
//
// poison() leaves every state but its own. stalled: ticks failed several times (retry.h), and so
// did a probe. unknown: whether a COMMIT was applied is not known.
//
// (*) until the store has failed the fence for long: then stall() makes pushes be refused with that
// cause, and the state stays unknown.
// (**) but to a class with an intake: its units are journaled meanwhile, while there is room.
//
// A journal may be closed while its lane is stalled or unknown. Ticks then go on as in that state,
// and recover() leads to closing or closed; pushes are refused as closed at once. In a lane that is
// unknown and closed, the fence is tried once more before the rest is settled.
//
// The baton's holder changes it. Where no thread is left to take the baton, close() is called
// without it. Any thread may ask.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "onelane/status.h"

namespace onelane::inline v0::engine {

class LaneState {
 public:
  enum class Kind : std::uint8_t { open, stalled, unknown, closing, closed, poisoned };

  LaneState() = default;
  LaneState(const LaneState&) = delete;
  LaneState& operator=(const LaneState&) = delete;

  Kind kind() const { return kind_.load(std::memory_order_acquire); }
  bool poisoned() const { return kind() == Kind::poisoned; }
  // Whether no push is accepted any more, whatever comes.
  bool shut() const { return shut_.load(std::memory_order_acquire); }
  const std::atomic<bool>& when_shut() const { return shut_; }
  // Whether end() was called, whatever the store does.
  bool ended() const;
  // ok, or why a push is refused.
  Status entrance() const {
    if (accepts_.load(std::memory_order_acquire)) [[likely]]
      return {};
    return refusal();
  }
  // The same of a class with an intake, which takes units while the store takes no commits.
  Status entrance_to_intake() const { return shut() ? refusal() : Status(); }

  // ok, or the error that poisoned the lane.
  Status first_error() const;
  // ok, or why the store takes no commits for now. Kept by a lane that is closed.
  Status stall_cause() const;
  // Of unknown: why COMMIT failed. Of closed and poisoned: why what is left is settled.
  Status cause() const;

  void stall(const Status& cause);
  void become_unknown(const Status& cause);
  // The store takes commits again, or the fence is durable.
  void recover();
  // The fence was given up: what was unknown is settled so.
  void give_up_fence();
  void close();
  void end();
  // Returns false if the lane is poisoned already.
  bool poison(const Status& cause) noexcept;

 private:
  enum class Life : std::uint8_t { open, closing, closed };

  template <class Change>
  void change(const Change& change);
  Kind tell() const;
  Status refusal() const;

  std::atomic<Kind> kind_{Kind::open};
  std::atomic<bool> accepts_{true};
  std::atomic<bool> shut_{false};

  mutable std::mutex mutex_;  // of what follows, of which the three above are told
  Life life_ = Life::open;
  Status stalled_;
  Status unknown_;
  Status poison_;
};

}  // namespace onelane::inline v0::engine
