#include "src/sqlite/connection/schema.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "src/sqlite/connection/connection.h"
#include "src/sqlite/connection/own_transaction.h"

namespace onelane::inline v0::sqlite {

namespace {

constexpr std::size_t kShownChars = 80;

Reply run_one(Connection& connection, sqlite3_stmt* statement) {
  if (sqlite3_bind_parameter_count(statement) != 0) {
    const char* const name = sqlite3_bind_parameter_name(statement, 1);
    return reply_of(
        Fault::record, Effect::undone,
        std::string("a parameter, which has no value here: ") + (name == nullptr ? "?" : name));
  }
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(statement);
  return code == SQLITE_DONE ? Reply() : connection.failure(code, Place::statement);
}

// Which statement it was, and what to do about those that a dump has.
Status failure_in(const Reply& reply, std::size_t number, std::string_view sql) {
  const std::size_t from = std::min(sql.find_first_not_of(" \t\r\n"), sql.size());
  std::string message = "schema: " + reply.cause.message() + ", in statement " +
                        std::to_string(number) + ": " + std::string(sql.substr(from, kShownChars));
  if (reply.cause.sqlite_code() == SQLITE_AUTH) {
    message += reply.cause.message().find("user_version") != std::string::npos
                   ? "; versions are set by JournalOptions::migrations"
                   : "; it runs in a transaction of its own: leave this statement out";
  }
  const Errc code = reply.fault == Fault::record ? Errc::invalid_argument : reply.cause.code();
  return {code, message, reply.cause.sqlite_code()};
}

// Keys that are deferred may be found violated only now.
Status commit(Connection& connection) {
  const int code = commit_own_transaction(connection);
  if (code == SQLITE_OK) return {};
  const Reply reply = connection.failure(code, Place::commit, "COMMIT");
  const Errc errc = reply.fault == Fault::record ? Errc::invalid_argument : reply.cause.code();
  return {errc, "schema: " + reply.cause.message(), reply.cause.sqlite_code()};
}

}  // namespace

Status try_schema(Connection& connection, std::string_view sql) {
  if (sql.find('\0') != std::string_view::npos) {
    return {Errc::invalid_argument, "schema: the SQL has a NUL byte in it"};
  }
  Prepared statement;
  for (std::size_t number = 1;; ++number) {
    const std::string_view from = sql;
    Reply reply = connection.prepare_next(sql, Keep::briefly, statement);
    if (reply.ok() && statement == nullptr) return {};
    if (reply.ok()) reply = run_one(connection, statement.get());
    if (!reply.ok()) return failure_in(reply, number, from);
  }
}

Status run_schema(Connection& connection, std::string_view sql) {
  return own_transaction(connection, [&] {
    Status status = try_schema(connection, sql);
    return status.ok() ? commit(connection) : status;
  });
}

// To name the schema of temporary tables would make one, so it is named only where there is one.
bool may_have_deferred_keys(Connection& connection) {
  const auto may = [&connection](const char* query) {
    std::string found;
    return connection.run_own(query, found) != SQLITE_OK || found != "0";
  };
  return may("SELECT EXISTS(SELECT 1 FROM sqlite_schema WHERE sql LIKE '%deferred%')") ||
         (may("SELECT EXISTS(SELECT 1 FROM pragma_database_list WHERE name = 'temp')") &&
          may("SELECT EXISTS(SELECT 1 FROM sqlite_temp_schema WHERE sql LIKE '%deferred%')"));
}

}  // namespace onelane::inline v0::sqlite
