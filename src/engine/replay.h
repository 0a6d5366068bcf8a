// Applies journaled units to the store as ticks do, with what a commit says of them: each exactly
// once, or among the dead letters. One thread, before the journal runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "onelane/sink.h"
#include "src/base/fifo_memory.h"
#include "src/commit/committer.h"
#include "src/engine/positions.h"
#include "src/engine/statements.h"
#include "src/intake/contents.h"

namespace onelane::inline v0::engine {

class Replay {
 public:
  struct Parts {
    Sink& sink;
    AppliedPositions& store;
    Statements& statements;
    const Clock& clock;
  };
  // `known` is what the store has of the classes. All must outlive it.
  Replay(const Parts& parts, const intake::Contents& contents,
         std::span<const FoundProgress> known);
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  // Commits all that is not done, in transactions of a bounded size. Errors: what keeps the store
  // from taking them (locked, storage, ...); invalid_argument, a statement does not prepare.
  Status run();
  std::uint64_t units() const { return units_; }
  std::uint64_t dead_letters() const;  // of these

 private:
  struct Class {
    explicit Class(const std::string& name) : journaled(name) {}

    JournaledClass journaled;
    std::vector<Position> waiting;  // in the store, when it was opened
    Position position = 0;

    bool has(Position unit) const;
  };

  Status take(const intake::FoundUnit& unit);
  Status flush();
  Status copy_back();
  Status commit(std::span<commit::Work> work);
  Status alone(commit::Work& work, const Status& cause);
  std::size_t drop_ended();
  Result<std::uint16_t> statement(std::uint32_t index);
  Result<Statement> add_statement(const StatementSpec& spec);
  Status number_statements(std::span<std::byte> rows, Status& does_not_prepare);

  const Parts with_;
  const intake::Contents& contents_;
  std::vector<std::unique_ptr<Class>> classes_;
  Positions positions_;
  commit::Committer committer_;
  base::FifoMemory large_rows_;
  struct Known {
    std::optional<std::uint16_t> number;
    Status why_not;
  };
  std::vector<Known> known_;          // statements, by number in the contents
  std::vector<commit::Work> work_;    // of the next transaction
  std::uint64_t bytes_ = 0;           // in it
  std::vector<Duration> step_times_;  // there are no jobs
  std::uint64_t units_ = 0;
};

}  // namespace onelane::inline v0::engine
