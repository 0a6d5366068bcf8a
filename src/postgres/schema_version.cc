#include "src/postgres/schema_version.h"

#include <string>

#include "src/base/digits.h"
#include "src/postgres/rows.h"

namespace onelane::inline v0::postgres {

Reply SchemaTable::make() {
  return session_.script(
      "CREATE TABLE IF NOT EXISTS " + table() +
          "(one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL)",
      Whose::ours);
}

Result<std::int32_t> SchemaTable::version() {
  ResultPtr answer;
  const Reply reply = session_.ask("SELECT version FROM " + table(), answer);
  if (!reply.ok()) return reply.cause;
  return static_cast<std::int32_t>(base::number_of(value_of(answer.get())));
}

Reply SchemaTable::run(std::string_view sql) {
  Reply reply = session_.script(std::string(sql), Whose::a_units);
  if (!reply.ok() || session_.connection().in_transaction()) return reply;
  return reply_of(Fault::record, Effect::ended, "the SQL ended its transaction");
}

Reply SchemaTable::set_version(std::int32_t version) {
  ResultPtr answer;
  return session_.ask("INSERT INTO " + table() + "(version) VALUES(" + std::to_string(version) +
                          ") ON CONFLICT(one) DO UPDATE SET version = excluded.version",
                      answer);
}

}  // namespace onelane::inline v0::postgres
