#include "src/sqlite/sink/schema_migration.h"

#include <cstdlib>
#include <string>

#include "src/sqlite/connection/schema.h"

namespace onelane::inline v0::sqlite {

Result<std::int32_t> SchemaMigration::version() {
  std::string version;
  const int code = connection_.run_own("PRAGMA user_version", version);
  if (code == SQLITE_OK)
    return static_cast<std::int32_t>(std::strtol(version.c_str(), nullptr, 10));
  return connection_.failure(code, Place::control, "PRAGMA user_version").cause;
}

Status SchemaMigration::enforce_keys(bool yes) {
  if (!foreign_keys_) return {};
  std::string ignored;
  const char* const sql = yes ? "PRAGMA foreign_keys = 1" : "PRAGMA foreign_keys = 0";
  const int code = connection_.run_own(sql, ignored);
  return code == SQLITE_OK ? Status() : connection_.failure(code, Place::control, sql).cause;
}

Reply SchemaMigration::run(std::string_view sql) {
  Reply reply;
  reply.cause = try_schema(connection_, sql);
  if (reply.cause.ok()) return reply;
  const bool theirs = reply.cause.code() == Errc::invalid_argument;
  reply.fault = theirs ? Fault::record : Fault::environment;
  reply.effect = connection_.in_transaction() ? Effect::kept : Effect::ended;
  return reply;
}

Reply SchemaMigration::set_version(std::int32_t version) {
  if (Reply broken = check_keys(); !broken.ok()) return broken;
  std::string ignored;
  const std::string sql = "PRAGMA user_version = " + std::to_string(version);
  const int code = connection_.run_own(sql, ignored);
  return code == SQLITE_OK ? Reply() : connection_.failure(code, Place::control, sql.c_str());
}

Reply SchemaMigration::check_keys() {
  if (!foreign_keys_) return {};
  constexpr const char* kFirst =
      "SELECT 'a row of ' || \"table\" || ' refers to one of ' || parent || ' that there is not' "
      "FROM pragma_foreign_key_check LIMIT 1";
  std::string broken;
  const int code = connection_.run_own(kFirst, broken);
  if (code != SQLITE_OK) return connection_.failure(code, Place::statement, "foreign_key_check");
  if (broken.empty()) return {};
  return reply_of(Fault::record, Effect::kept, "FOREIGN KEY constraint failed: " + broken,
                  SQLITE_CONSTRAINT_FOREIGNKEY);
}

}  // namespace onelane::inline v0::sqlite
