#include "src/sqlite/schema.h"

#include <string>

#include "src/sqlite/connection.h"

namespace onelane::sqlite {

namespace {

Reply run_statements(Connection& connection, std::string_view sql) {
  Prepared statement;
  while (true) {
    if (Reply reply = connection.prepare_next(sql, Keep::briefly, statement); !reply.ok())
      return reply;
    if (statement == nullptr) return {};
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW) code = sqlite3_step(statement.get());
    if (code != SQLITE_DONE) return connection.failure(code, Place::statement);
  }
}

Reply run_own(Connection& connection, const char* sql) {
  std::string ignored;
  const int code = connection.run_own(sql, ignored);
  return code == SQLITE_OK ? Reply() : connection.failure(code, Place::control, sql);
}

Reply commit(Connection& connection) {
  Prepared commit;
  int code = connection.prepare_own("COMMIT", Keep::briefly, commit);
  if (code == SQLITE_OK) code = connection.commit_own(commit.get());
  return code == SQLITE_OK ? Reply() : connection.failure(code, Place::commit, "COMMIT");
}

}  // namespace

Status run_schema(Connection& connection, std::string_view sql) {
  Reply reply = run_own(connection, "BEGIN IMMEDIATE");
  if (!reply.ok()) return reply.cause;
  reply = run_statements(connection, sql);
  if (reply.ok()) reply = commit(connection);
  if (reply.ok()) return {};
  const Errc code = reply.fault == Fault::record ? Errc::invalid_argument : reply.cause.code();
  return {code, "schema: " + reply.cause.message(), reply.cause.sqlite_code()};
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

}  // namespace onelane::sqlite
