// The journal's inside, shared by the Journal and by everything it handed out: the registry of its
// classes and statements, and its life. It owns the parts; each header says what one does.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "onelane/options.h"
#include "onelane/receipt.h"
#include "onelane/record.h"
#include "onelane/sink.h"
#include "onelane/stats.h"
#include "src/base/block_pool.h"
#include "src/base/fifo_memory.h"
#include "src/engine/admission.h"
#include "src/engine/attribution.h"
#include "src/engine/call_sites.h"
#include "src/engine/durability.h"
#include "src/engine/events.h"
#include "src/engine/lane_state.h"
#include "src/engine/lanes.h"
#include "src/engine/log_keeper.h"
#include "src/engine/pen.h"
#include "src/engine/pipeline.h"
#include "src/engine/positions.h"
#include "src/engine/recorder.h"
#include "src/engine/reopening.h"
#include "src/engine/segment_keeper.h"
#include "src/engine/segment_names.h"
#include "src/engine/statements.h"
#include "src/engine/statistics.h"
#include "src/engine/tracer.h"
#include "src/engine/turn.h"
#include "src/engine/waiting.h"

namespace onelane::inline v0::detail {

class Core {
 public:
  // A core that starts its threads, if it has any. In a forked child it is leaked, never destroyed:
  // what it owns is the parent's.
  // Where there are no threads for it, the sink is told before its close.
  using Forgo = void (*)(Sink& sink);
  static Result<std::shared_ptr<Core>> make(std::unique_ptr<Sink> sink,
                                            const JournalOptions& options, Forgo forgo = nullptr);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Result<std::uint32_t> add_class(const ClassOptions& options);
  Status set_class(std::uint32_t klass, const ClassOptions& options);
  Status set_tick(const Budget& tick);
  Result<Statement> add_statement(const StatementSpec& spec);
  Result<TickReport> tick();
  Result<std::uint64_t> commits_of(std::uint64_t epoch);
  template <class Unit>
  static Result<Receipt> submit(const std::shared_ptr<Core>& self, std::uint32_t klass, Unit&& unit,
                                const PushOptions& options);

  CloseReport close(Duration timeout);
  // Takes no more writes, and lives as long as the process: where there is no thread to close it.
  static void leave_open(const std::shared_ptr<Core>& self) noexcept;

  engine::Admission& admission() { return admission_; }
  engine::Waiting& waiting() { return waiting_; }
  const engine::Statistics& statistics() const { return statistics_; }
  const engine::Turn& turn() const { return turn_; }
  const Clock& clock() const { return *clock_; }
  Duration close_timeout() const { return options_.close_timeout; }
  std::string_view class_name(std::uint32_t klass) const { return lanes_[klass].name; }

 private:
  Core(std::unique_ptr<Sink> sink, const JournalOptions& options,
       std::unique_ptr<engine::Tracer> tracer);
  ~Core() = default;
  friend struct CoreDeleter;

  engine::Positions* make_positions();
  Status reopen();
  Status migrate();
  Status may_have_intake(const ClassOptions& options) const;
  Status open_intake();
  Status begin_intake(intake::Intake& made);
  void begin_journaling(engine::ClassLane& lane);
  Status end_intake();
  CloseReport close_once(Duration timeout);
  Status drain(TimePoint deadline);
  void last_sync();
  CloseReport finish(const Status& cut);

  const JournalOptions options_;
  const std::shared_ptr<const Clock> clock_;
  const std::unique_ptr<Sink> sink_;

  struct MemoryUse {
    base::BlockPool::Use blocks;
    base::FifoMemory::Use large_rows;
  };
  std::optional<MemoryUse> memory_use_{std::in_place};  // until it is closed

  engine::CallSites sites_;
  const std::unique_ptr<engine::Tracer> tracer_;  // null: nothing is recorded
  engine::Lanes lanes_;
  engine::Attribution attribution_;
  engine::Statements statements_;
  engine::LaneState state_;
  engine::Recorder recorder_;
  engine::Durability durability_;
  engine::LogKeeper log_;
  std::optional<engine::Positions> positions_;  // of a sink that keeps them
  engine::FoundIntake found_;                   // by the opening, until the journal is closed
  const engine::SegmentNames segment_names_;
  engine::SegmentKeeper segments_;
  engine::Events events_;
  engine::Pen pen_;
  engine::Pipeline pipeline_;
  engine::Turn turn_;
  engine::Admission admission_;
  engine::Waiting waiting_;
  engine::Statistics statistics_;

  std::mutex close_mutex_;  // held by the one thread that closes, all the while
  std::optional<CloseReport> closed_;

  std::shared_ptr<Core> left_open_;  // itself, if it could not be closed
};

template <class Unit>
Result<Receipt> Core::submit(const std::shared_ptr<Core>& self, std::uint32_t klass, Unit&& unit,
                             const PushOptions& options) {
  EntryRef kept;
  Status why = self->admission_.offer(klass, std::forward<Unit>(unit),
                                      {.options = options, .reference = &kept});
  if (!why.ok()) return why;
  return Receipt(self, kept.release());
}

}  // namespace onelane::inline v0::detail
