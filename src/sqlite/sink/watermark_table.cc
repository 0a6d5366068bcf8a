#include "src/sqlite/sink/watermark_table.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "src/base/memory.h"
#include "src/sqlite/connection/own_transaction.h"

namespace onelane::inline v0::sqlite {

namespace {

// How many openings the table remembers.
constexpr std::uint64_t kEpochsKept = 64;
constexpr char kColumns[] = "(epoch INTEGER PRIMARY KEY, commits INTEGER NOT NULL)";

std::uint64_t number(std::string_view text) {
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

Status at_open(const Reply& failed) {
  const Errc code = failed.fault == Fault::record ? Errc::invalid_argument : failed.cause.code();
  return {code, failed.cause.message(), failed.cause.sqlite_code()};
}

}  // namespace

Result<std::unique_ptr<WatermarkTable>> WatermarkTable::begin(Connection& connection,
                                                              const std::string& table) {
  std::unique_ptr<WatermarkTable> out(new WatermarkTable(connection, table));
  const Status status = own_transaction(connection, [&] {
    Reply reply = out->make_epoch();
    if (reply.ok()) reply = out->failure(commit_own_transaction(connection));
    return reply.ok() ? Status() : at_open(reply);
  });
  if (status.ok()) return out;
  return status;
}

Status WatermarkTable::rehearse(Connection& connection, const std::string& table) {
  const Reply reply = WatermarkTable(connection, table).make_epoch();
  return reply.ok() ? Status() : at_open(reply);
}

Reply WatermarkTable::make_epoch() {
  std::string ignored;
  std::string newest;
  Reply reply = make();
  if (reply.ok()) {
    reply = failure(connection_.prepare_own(
        "INSERT INTO " + table_ +
            "(epoch, commits) VALUES(?1, ?2) ON CONFLICT(epoch) DO UPDATE SET commits = "
            "excluded.commits",
        Keep::long_time, mark_));
  }
  if (reply.ok()) {
    reply = run("SELECT ifnull(max(CAST(epoch AS INTEGER)), 0) FROM " + table_, newest);
  }
  epoch_ = number(newest) + 1;
  if (reply.ok()) reply = write(0);
  if (!reply.ok()) return reply;
  return run("DELETE FROM " + table_ + " WHERE epoch + " + std::to_string(kEpochsKept) +
                 " <= " + std::to_string(epoch_),
             ignored);
}

Reply WatermarkTable::make() {
  std::string ignored;
  return run("CREATE TABLE IF NOT EXISTS " + table_ + kColumns, ignored);
}

Reply WatermarkTable::mark(std::uint64_t commit) {
  marked_ = commit;
  Reply reply = write(commit);
  if (Connection::may_be_stale(reply.cause.sqlite_code())) {  // there may be no table any more
    reply = make();
    if (reply.ok()) reply = write(commit);
  }
  if (reply.fault != Fault::record) return reply;
  reply.fault = Fault::environment;
  reply.cause = {Errc::storage, reply.cause.message(), reply.cause.sqlite_code()};
  return reply;
}

Reply WatermarkTable::write(std::uint64_t commit) {
  sqlite3_bind_int64(mark_.get(), 1, static_cast<sqlite3_int64>(epoch_));
  sqlite3_bind_int64(mark_.get(), 2, static_cast<sqlite3_int64>(commit));
  Reply reply = failure(connection_.step_own(mark_.get()));
  if (!reply.ok() || sqlite3_changes(connection_.handle()) != 0) return reply;
  return reply_of(Fault::record, Effect::undone,
                  "watermark table " + name_ + ": a trigger keeps its row from being written");
}

Result<std::uint64_t> WatermarkTable::commits_of(std::uint64_t epoch) {
  std::string commits;
  const Reply reply =
      run("SELECT commits FROM " + table_ + " WHERE epoch = " + std::to_string(epoch), commits);
  if (!reply.ok()) {
    const Errc code = reply.fault == Fault::record ? Errc::storage : reply.cause.code();
    return Status(code, reply.cause.message(), reply.cause.sqlite_code());
  }
  if (!commits.empty()) return number(commits);
  return Status(Errc::invalid_argument,
                "epoch " + std::to_string(epoch) + " is not remembered in " + name_);
}

Reply WatermarkTable::run(const std::string& sql, std::string& answer) {
  return failure(connection_.run_own(sql, answer));
}

// The failure is classed as that of a user's statement, since the table is theirs.
Reply WatermarkTable::failure(int code) {
  if (code == SQLITE_OK) return {};
  Reply reply = connection_.failure(code, Place::statement, "watermark table " + name_);
  if (reply.fault != Fault::record) return reply;
  reply.cause = base::worded(Errc::record, code, [&] {
    return reply.cause.message() + "; what is needed is a table " + kColumns +
           ", and nothing that forbids to write to it";
  });
  return reply;
}

}  // namespace onelane::inline v0::sqlite
