#include "src/postgres/commits_table.h"

#include <utility>

#include "src/base/digits.h"
#include "src/postgres/rows.h"

namespace onelane::inline v0::postgres {

namespace {

// How many openings the table remembers. The newest that made a commit stays however many come
// after it: by that one sees that there were any.
constexpr std::uint64_t kEpochsKept = 64;

Status at_open(const Reply& failed) {
  return {failed.cause.code() == Errc::record ? Errc::storage : failed.cause.code(),
          failed.cause.message()};
}

}  // namespace

Reply CommitsTable::make() {
  return session_.script("CREATE TABLE IF NOT EXISTS " + table() +
                             "(epoch bigint PRIMARY KEY, commits bigint NOT NULL, turn bigint NOT "
                             "NULL)",
                         Whose::ours);
}

// The epoch is durable before a program can learn of it.
Status CommitsTable::begin_epoch() {
  Reply reply = make();
  ResultPtr answer;
  if (reply.ok()) {
    reply = session_.ask("INSERT INTO " + table() +
                             "(epoch, commits, turn) SELECT coalesce(max(epoch), 0) + 1, 0, 0 "
                             "FROM " +
                             table() + " RETURNING epoch",
                         answer);
  }
  if (!reply.ok()) return at_open(reply);
  epoch_ = base::number_of(value_of(answer.get()));
  reply = session_.ask("DELETE FROM " + table() + " WHERE epoch + " + std::to_string(kEpochsKept) +
                           " <= " + std::to_string(epoch_) +
                           " AND epoch <> (SELECT coalesce(max(epoch), 0) FROM " + table() +
                           " WHERE turn > 0)",
                       answer);
  sql_ = "INSERT INTO " + table() +
         "(epoch, commits, turn) VALUES($1, $2, $3) ON CONFLICT(epoch) DO UPDATE SET commits = "
         "excluded.commits, turn = excluded.turn";
  return reply.ok() ? Status() : at_open(reply);
}

Result<CommitsTable::Found> CommitsTable::look() {
  prepared_ = false;
  ResultPtr answer;
  // Before the table is read: a standby that is promoted in between has not read what it lacked.
  Reply reply = session_.ask("SELECT pg_is_in_recovery()", answer);
  if (!reply.ok()) return at_open(reply);
  if (value_of(answer.get()) == "t") {
    return Status(Errc::storage, "the server is a standby, which may not have all commits yet");
  }
  reply = session_.ask("SELECT turn, (SELECT max(epoch) FROM " + table() + ") FROM " + table() +
                           " WHERE epoch = " + std::to_string(epoch_),
                       answer);
  if (!reply.ok()) return at_open(reply);
  const std::uint64_t turn = base::number_of(value_of(answer.get()));
  const std::uint64_t newest_epoch = base::number_of(value_of(answer.get(), 0, 1));
  if (newest_epoch > epoch_) {
    return Status(Errc::poisoned, "table " + table() + ": another journal, of epoch " +
                                      std::to_string(newest_epoch) +
                                      ", has taken over from epoch " + std::to_string(epoch_));
  }
  if (PQntuples(answer.get()) == 0 || turn < turn_) {
    return Status(Errc::poisoned, "table " + table() + ": the server has lost commits of epoch " +
                                      std::to_string(epoch_) + ": its turn is " +
                                      std::to_string(turn) + ", not " + std::to_string(turn_));
  }
  if (turn == turn_) {
    undone();
    return Found::undone;
  }
  turn_ = turn;
  newest_ = next_;
  return Found::committed;
}

void CommitsTable::queue_turn() {
  parameters_.clear(3 * sizeof(std::uint64_t));
  parameters_.number(epoch_);
  parameters_.number(next_);
  parameters_.number(turn_ + 1);
  Connection& connection = session_.connection();
  if (!prepared_) {
    name_ = "onelane_turn_" + std::to_string(names_++);
    connection.prepare(name_.c_str(), sql_.c_str(), {parameters_.types(), 3});
  }
  connection.run_prepared(name_.c_str(), parameters_);
}

void CommitsTable::committed() noexcept {
  prepared_ = true;
  ++turn_;
  newest_ = next_;
}

Result<std::uint64_t> CommitsTable::commits_of(std::uint64_t epoch) {
  ResultPtr answer;
  const Reply reply = session_.ask(
      "SELECT commits FROM " + table() + " WHERE epoch = " + std::to_string(epoch), answer);
  if (!reply.ok()) return at_open(reply);
  if (PQntuples(answer.get()) != 0) return base::number_of(value_of(answer.get()));
  return Status(Errc::invalid_argument,
                "epoch " + std::to_string(epoch) + " is not remembered in " + table());
}

}  // namespace onelane::inline v0::postgres
