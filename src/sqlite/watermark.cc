#include "src/sqlite/watermark.h"

#include <charconv>
#include <string_view>
#include <utility>

namespace onelane::sqlite {

namespace {

// So many openings are remembered.
constexpr std::uint64_t kEpochsKept = 64;

std::uint64_t number(std::string_view text) {
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

}  // namespace

Result<std::unique_ptr<Watermark>> Watermark::begin(Connection& connection,
                                                    const std::string& table) {
  std::unique_ptr<Watermark> out(new Watermark(connection, '"' + table + '"'));
  const int code = out->begin_epoch();
  if (code != SQLITE_OK) {
    Status why = connection.failure(code, Place::control, "watermark_table").cause;
    std::string ignored;
    if (connection.in_transaction()) (void)connection.run_own("ROLLBACK", ignored);
    return why;
  }
  if (Status status = out->prepare(); !status.ok()) return status;
  return out;
}

int Watermark::begin_epoch() {
  std::string ignored;
  std::string newest;
  Prepared commit;
  int code = connection_.run_own("BEGIN IMMEDIATE", ignored);
  const auto run = [&](const std::string& sql, std::string& answer) {
    if (code == SQLITE_OK) code = connection_.run_own(sql, answer);
  };
  run("CREATE TABLE IF NOT EXISTS " + table_ +
          "(epoch INTEGER PRIMARY KEY, commits INTEGER NOT NULL)",
      ignored);
  run("SELECT ifnull(max(epoch), 0) FROM " + table_, newest);
  epoch_ = number(newest) + 1;
  run("INSERT INTO " + table_ + " VALUES(" + std::to_string(epoch_) + ", 0)", ignored);
  run("DELETE FROM " + table_ + " WHERE epoch + " + std::to_string(kEpochsKept) +
          " <= " + std::to_string(epoch_),
      ignored);
  if (code == SQLITE_OK) code = connection_.prepare_own("COMMIT", Keep::briefly, commit);
  return code == SQLITE_OK ? connection_.commit_own(commit.get()) : code;
}

Status Watermark::prepare() {
  const std::string sql =
      "INSERT INTO " + table_ +
      " VALUES(?1, ?2) ON CONFLICT(epoch) DO UPDATE SET commits = excluded.commits";
  const int code = connection_.prepare_own(sql, Keep::long_time, mark_);
  return code == SQLITE_OK ? Status()
                           : connection_.failure(code, Place::control, "watermark_table").cause;
}

Reply Watermark::mark(std::uint64_t commit) {
  sqlite3_bind_int64(mark_.get(), 1, static_cast<sqlite3_int64>(epoch_));
  sqlite3_bind_int64(mark_.get(), 2, static_cast<sqlite3_int64>(commit));
  const int code = connection_.step_own(mark_.get());
  return code == SQLITE_OK ? Reply() : connection_.failure(code, Place::control, "the watermark");
}

Result<std::uint64_t> Watermark::commits_of(std::uint64_t epoch) {
  std::string commits;
  const int code = connection_.run_own(
      "SELECT commits FROM " + table_ + " WHERE epoch = " + std::to_string(epoch), commits);
  if (code != SQLITE_OK) {
    return connection_.failure(code, Place::control, "reading the watermark").cause;
  }
  if (!commits.empty()) return number(commits);
  return Status(Errc::invalid_argument,
                "epoch " + std::to_string(epoch) + " is not remembered in " + table_);
}

}  // namespace onelane::sqlite
