#include "src/sqlite/registered.h"

#include <string>
#include <utility>

#include "src/sqlite/schema.h"

namespace onelane::sqlite {

Result<Registered> register_statement(Connection& connection, const StatementSpec& spec) {
  Prepared prepared;
  const Reply reply = connection.prepare(spec.sql, Keep::long_time, prepared);
  if (!reply.ok()) {
    const Errc code = reply.fault == Fault::record ? Errc::invalid_argument : reply.cause.code();
    return Status(code, reply.cause.message() + ": " + spec.sql, reply.cause.sqlite_code());
  }
  const int parameters = sqlite3_bind_parameter_count(prepared.get());
  if (static_cast<std::size_t>(parameters) != spec.columns.size()) {
    return Status(Errc::invalid_argument, "the SQL has " + std::to_string(parameters) +
                                              " parameters, but the statement is given " +
                                              std::to_string(spec.columns.size()) +
                                              " columns: " + spec.sql);
  }
  return Registered{.spec = spec, .prepared = std::move(prepared), .columns = parameters};
}

// Only a schema with a deferred key makes a program that counts deferred violations, and no
// statement runs a program that was made for another schema than today's: it is prepared anew, and
// counts that.
void look_for_deferred_keys(Connection& connection, Registered& registered) {
  registered.preparation = registered.preparation_now();
  registered.may_defer = may_have_deferred_keys(connection);
}

}  // namespace onelane::sqlite
