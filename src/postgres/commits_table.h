// A table in which each opening keeps the number of its newest commit, and of its newest turn.
//
// Each COMMIT of the sink is a turn, with units or without, and writes its number to the row of its
// opening. So of a COMMIT whose reply was lost the row says whether it was committed, and one that
// is not there any more shows that the server has lost commits.
#pragma once

#include <cstdint>
#include <string>

#include "onelane/sink.h"
#include "src/postgres/session.h"

namespace onelane::inline v0::postgres {

class CommitsTable {
 public:
  // The session must outlive it.
  explicit CommitsTable(Session& session) : session_(session) {}

  // Once, at the first opening, under the lock: makes the table and begins a new epoch.
  Status begin_epoch();
  // On a new connection, under the lock. What the row says of the turn that was under way, if any.
  enum class Found : std::uint8_t { undone, committed };
  Result<Found> look();
  // The table again, if somebody has dropped it.
  Reply make();

  std::uint64_t epoch() const noexcept { return epoch_; }
  void mark(std::uint64_t commit) noexcept { next_ = commit; }
  // Queues the write of the next turn, with the commit that was marked.
  void queue_turn();
  // What became of it.
  void committed() noexcept;
  void undone() noexcept { next_ = newest_; }
  Result<std::uint64_t> commits_of(std::uint64_t epoch);

 private:
  std::string table() const { return session_.table("commits"); }

  Session& session_;
  std::uint64_t epoch_ = 0;
  std::uint64_t newest_ = 0;  // commit that is in the store
  std::uint64_t next_ = 0;    // that the next turn says
  std::uint64_t turn_ = 0;    // the newest that is in the store
  std::string sql_;
  // Prepared on the server together with the first turn of a connection: for as long as none has
  // succeeded, under a new name each time, since the one before may be there.
  std::string name_;
  std::uint64_t names_ = 0;
  bool prepared_ = false;
  Parameters parameters_;
};

}  // namespace onelane::inline v0::postgres
