#include "src/sqlite/sink/registered.h"

#include <string>
#include <string_view>
#include <utility>

namespace onelane::inline v0::sqlite {

namespace {

void take_double_quoted_strings(sqlite3* db, int yes) {
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, yes, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, yes, nullptr);
}

// A misspelt column in double quotes is an error, and not a string. To see that, the statement is
// prepared once without such strings; its triggers, which may have them, fail by other names.
Reply look_for_misspelt_columns(Connection& connection, const std::string& sql) {
  if (sql.find('"') == std::string::npos) return {};
  int taken = 0;
  sqlite3_db_config(connection.handle(), SQLITE_DBCONFIG_DQS_DML, -1, &taken);
  if (taken == 0) return {};
  Prepared ignored;
  take_double_quoted_strings(connection.handle(), 0);
  Reply reply = connection.prepare(sql, Keep::briefly, ignored);
  take_double_quoted_strings(connection.handle(), 1);
  constexpr std::string_view kUnknown = "no such column: ";
  const std::size_t at = reply.cause.message().find(kUnknown);
  if (at == std::string::npos) return {};
  std::string name = reply.cause.message().substr(at + kUnknown.size());
  // Newer ones say it in quotes, and a hint after it.
  const std::size_t hint = name.find("\" - should this be");
  name = hint == std::string::npos ? '"' + name + '"' : name.substr(0, hint + 1);
  return sql.find(name) == std::string::npos ? Reply() : reply;
}

}  // namespace

Result<Registered> register_statement(Connection& connection, const StatementSpec& spec) {
  Prepared prepared;
  Reply reply = look_for_misspelt_columns(connection, spec.sql);
  if (reply.ok()) reply = connection.prepare(spec.sql, Keep::long_time, prepared);
  if (!reply.ok()) {
    const Errc code = reply.fault == Fault::record ? Errc::invalid_argument : reply.cause.code();
    return Status(code, reply.cause.message() + ": " + spec.sql, reply.cause.sqlite_code());
  }
  sqlite3_stmt* const statement = prepared.get();
  if (statement == nullptr || sqlite3_stmt_readonly(statement) != 0 ||
      sqlite3_stmt_isexplain(statement) != 0) {
    return Status(Errc::invalid_argument, "the SQL writes nothing: " + spec.sql);
  }
  const int parameters = sqlite3_bind_parameter_count(statement);
  const bool returns = sqlite3_column_count(statement) != 0;
  if (static_cast<std::size_t>(parameters) != spec.columns.size()) {
    return Status(Errc::invalid_argument, "the SQL has " + std::to_string(parameters) +
                                              " parameters, but the statement is given " +
                                              std::to_string(spec.columns.size()) +
                                              " columns: " + spec.sql);
  }
  return Registered{
      .spec = spec, .prepared = std::move(prepared), .columns = parameters, .returns = returns};
}

}  // namespace onelane::inline v0::sqlite
