// The journal's inside, shared by the Journal and by everything it handed out. It owns the parts,
// guards the way in, and decides whose turn the lane is.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "onelane/job.h"
#include "onelane/options.h"
#include "onelane/receipt.h"
#include "onelane/record.h"
#include "onelane/sink.h"
#include "onelane/stats.h"
#include "src/base/block_pool.h"
#include "src/base/priority.h"
#include "src/base/process.h"
#include "src/engine/baton.h"
#include "src/engine/checkpointer.h"
#include "src/engine/class_lane.h"
#include "src/engine/pipeline.h"
#include "src/engine/refusals.h"
#include "src/engine/statements.h"
#include "src/engine/syncer.h"
#include "src/engine/worker.h"
#include "src/model/entry.h"

namespace onelane::inline v0::detail {

class Core : public std::enable_shared_from_this<Core> {
 public:
  // A core that starts its thread, if it has one. In a forked child it is leaked, never destroyed:
  // what it owns is the parent's.
  // Where there are no threads for it, the sink is told before its close.
  using Forgo = void (*)(Sink& sink);
  static Result<std::shared_ptr<Core>> make(std::unique_ptr<Sink> sink,
                                            const JournalOptions& options, Forgo forgo = nullptr);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Result<std::uint32_t> add_class(const ClassOptions& options);
  Result<Statement> add_statement(const StatementSpec& spec);

  // A unit to take in: a row, a group, or a job.
  struct RowUnit {
    Statement statement;
    const Row& row;
  };
  template <class Unit>
  Status push(std::uint32_t klass, Unit&& unit, const PushOptions& options);
  template <class Unit>
  static Result<Receipt> submit(const std::shared_ptr<Core>& self, std::uint32_t klass, Unit&& unit,
                                const PushOptions& options);
  template <class Unit>
  Result<Outcome> write(std::uint32_t klass, Unit&& unit, const PushOptions& options);

  // Blocks until the entry is settled, and if so promised, what of it is committed is durable: ok,
  // or why not.
  Status wait(Entry& entry, Promise promise, std::optional<Duration> timeout);
  // Settles the entry as cancelled; false if it was too late. The caller wakes who waits for it.
  bool cancel(Entry& entry);
  // Of a settled entry, as far as is known by now.
  Outcome outcome(const Entry& entry) const;
  // Whether nothing is to be waited for any more of what the entry promises.
  bool kept(const Entry& entry) const;
  // Of a settled entry: has `who` woken once its promise is kept; false if it is.
  bool watch(const Entry& entry, Waiter& who);

  Status flush(std::optional<Duration> timeout);
  Status sync(std::optional<Duration> timeout);
  Result<std::uint64_t> commits_of(std::uint64_t epoch);
  CloseReport close(Duration deadline);
  // Takes no more writes, and lives as long as the process: where there is no thread to close it.
  static void leave_open(const std::shared_ptr<Core>& self) noexcept;
  Result<TickReport> tick();
  JournalStats stats() const;

  const Clock& clock() const { return *clock_; }
  Duration close_timeout() const { return options_.close_timeout; }
  bool forked() const { return process_.forked(); }
  // Whether the calling thread holds the lane, is one of the journal's own, or closes it: what
  // waits for the journal's progress would wait for itself.
  bool awaits_itself() const {
    return baton_.mine() || worker_.mine() || checkpointer_.mine() || syncer_.mine() ||
           closer_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  std::string_view class_name(std::uint32_t klass) const { return lanes_[klass]->options.name; }

 private:
  enum class Intake : std::uint8_t { open, stalled, closed, poisoned };

  Core(std::unique_ptr<Sink> sink, const JournalOptions& options);
  ~Core() = default;
  friend struct CoreDeleter;

  // ok, or why nothing gets in.
  Status entrance() const {
    if (intake_.load(std::memory_order_acquire) == Intake::open) [[likely]]
      return {};
    return closed_entrance();
  }
  Status closed_entrance() const;
  Status start_threads();
  // ok, or why the call is refused: where it would wait for the lane, or for the lane's progress.
  Status may_take_lane(const char* call) const;
  Status may_wait(const char* call) const;
  Status may_write() const;
  Status check_rows(const Group& group) const;
  Status make_entry(engine::ClassLane& lane, const RowUnit& unit, EntryRef& entry) const;
  Status make_entry(engine::ClassLane& lane, const Group& group, EntryRef& entry) const;
  Status make_entry(engine::ClassLane& lane, Job job, EntryRef& entry) const;
  Status charge_slowly(engine::ClassLane& lane, const Entry& entry, const PushOptions& options);
  // Who sees to it that a tick follows: the committer thread, which is woken if it sleeps, or the
  // caller, who goes on to wait for the outcome and lends its thread.
  enum class Tick : std::uint8_t { by_thread, by_caller };
  struct Offer {
    const PushOptions& options;
    Tick tick = Tick::by_thread;
    EntryRef* kept = nullptr;  // gets a reference of its own, if not null
  };
  Status accept(engine::ClassLane& lane, EntryRef& entry, const Offer& how);
  template <class Unit>
  Status offer(engine::ClassLane& lane, Unit&& unit, const Offer& how);
  static Status refused(engine::ClassLane& lane, Status why) {
    lane.tally.refused.fetch_add(1, std::memory_order_relaxed);
    return why;
  }
  using Barriers = std::array<Receipt, kClassesMax>;
  Status flush(std::optional<Duration> timeout, Barriers& barriers);
  Result<Receipt> offer_barrier(engine::ClassLane& lane);

  class Turn;
  TickReport tick_and_sync(const engine::Runner& runner, ack::Wakes& wakes);
  TickReport run_tick();
  TickReport run_ticks();  // the committer thread's
  void lend_thread(const Entry& entry, Promise promise, std::optional<Duration> patience);
  TickReport lend_until_durable(std::uint64_t commit, TickReport report, ack::Wakes& wakes);
  Promise kept_by_sync(Promise promise) const;
  bool caller_may_run() const;
  // Of a call that has asked whether it may wait.
  Status wait_on(Entry& entry, Promise promise, std::optional<Duration> timeout);
  Status wait_until(Entry& entry, TimePoint deadline);
  Status wait_settled(Entry& entry, Promise promise, std::optional<TimePoint> until);
  Status wait_durable(std::uint64_t commit, std::optional<TimePoint> until);
  Result<std::uint64_t> touch(std::optional<TimePoint> until);
  Result<std::uint64_t> try_touch();
  bool pending() const;
  void note_state(ack::Wakes& wakes);
  bool note_poison(ack::Wakes& wakes);
  std::uint64_t durable() const;
  engine::Closing close_in(Log& log);
  void fail(const Status& cause);
  void shut(Intake intake, Status why);
  Status pump(const Receipt& receipt, std::optional<TimePoint> deadline);
  Status drain(TimePoint deadline);
  void end_lane();
  void settle_durable();
  CloseReport finish(const Status& cut);
  std::uint32_t classes() const { return class_count_.load(std::memory_order_acquire); }

  const JournalOptions options_;
  const std::shared_ptr<const Clock> clock_;
  const base::ForkWitness process_;
  const TimePoint opened_;
  const int lateness_ = base::lateness_of_this_thread();  // of the opener, and of our own threads
  const std::unique_ptr<Sink> sink_;
  const std::uint64_t epoch_;  // the sink's, which must not be asked once it is closed

  struct MemoryUse {
    base::BlockPool::Use blocks;
    base::FifoMemory::Use large_rows;
  };
  std::optional<MemoryUse> memory_use_{std::in_place};  // until it is closed
  std::array<std::unique_ptr<engine::ClassLane>, kClassesMax> lanes_;
  std::atomic<std::uint32_t> class_count_{0};
  engine::Statements statements_;

  engine::Baton baton_;
  engine::Pipeline pipeline_;  // the baton holder's
  engine::Worker worker_;
  engine::Checkpointer checkpointer_;
  engine::Syncer syncer_;

  std::atomic<Intake> intake_{Intake::open};
  mutable std::mutex state_mutex_;  // of the three below
  Status intake_status_;
  Status poison_;
  std::optional<TimePoint> ended_;  // when close() ended

  class Closer;
  std::mutex close_mutex_;  // of the two below; close() runs without it
  std::condition_variable close_ended_;
  std::optional<CloseReport> closed_;
  std::atomic<std::thread::id> closer_{};  // who runs close()
  std::shared_ptr<Core> left_open_;        // itself, if it could not be closed
};

template <class Unit>
Status Core::offer(engine::ClassLane& lane, Unit&& unit, const Offer& how) {
  if (forked()) return refused(lane, engine::forked_status());  // before any lock is taken
  EntryRef entry;
  if (Status bad = make_entry(lane, std::forward<Unit>(unit), entry); !bad.ok()) {
    return refused(lane, std::move(bad));
  }
  if (how.kept != nullptr) *how.kept = entry->share();
  Status why = accept(lane, entry, how);
  if (!why.ok()) return refused(lane, std::move(why));
  return why;
}

template <class Unit>
Status Core::push(std::uint32_t klass, Unit&& unit, const PushOptions& options) {
  return offer(*lanes_[klass], std::forward<Unit>(unit), {.options = options});
}

template <class Unit>
Result<Receipt> Core::submit(const std::shared_ptr<Core>& self, std::uint32_t klass, Unit&& unit,
                             const PushOptions& options) {
  EntryRef kept;
  if (Status why = self->offer(*self->lanes_[klass], std::forward<Unit>(unit),
                               {.options = options, .kept = &kept});
      !why.ok()) {
    return why;
  }
  return Receipt(self, kept.release());
}

template <class Unit>
Result<Outcome> Core::write(std::uint32_t klass, Unit&& unit, const PushOptions& options) {
  if (Status why = may_write(); !why.ok()) return why;
  EntryRef kept;
  const Offer whose{.options = options,
                    .tick = caller_may_run() ? Tick::by_caller : Tick::by_thread,
                    .kept = &kept};
  if (Status why = offer(*lanes_[klass], std::forward<Unit>(unit), whose); !why.ok()) return why;
  Status why = options.deadline ? wait_until(*kept, *options.deadline)
                                : wait_on(*kept, kept->promise, std::nullopt);
  if (!why.ok()) return why;
  return outcome(*kept);
}

}  // namespace onelane::inline v0::detail
