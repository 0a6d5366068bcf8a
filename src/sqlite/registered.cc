#include "src/sqlite/registered.h"

#include <string>
#include <utility>

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

}  // namespace onelane::sqlite
