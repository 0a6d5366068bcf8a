#include "src/sqlite/sink/savepoint.h"

#include <utility>

namespace onelane::inline v0::sqlite {

namespace {

Reply kept_if_failed(Reply reply) noexcept {
  if (!reply.ok() && reply.effect == Effect::undone) reply.effect = Effect::kept;
  return reply;
}

}  // namespace

Status Savepoint::prepare() {
  const std::pair<const std::string*, Prepared*> wanted[] = {
      {&begin_sql_, &begin_}, {&release_sql_, &release_}, {&rollback_to_sql_, &rollback_to_}};
  for (const auto& [sql, statement] : wanted) {
    const int code = connection_.prepare_own(*sql, Keep::long_time, *statement);
    if (code != SQLITE_OK) return connection_.failure(code, Place::control, *sql).cause;
  }
  return {};
}

void Savepoint::finalize() noexcept {
  for (Prepared* each : {&begin_, &release_, &rollback_to_}) each->reset();
}

Reply Savepoint::release() { return kept_if_failed(step(release_, release_sql_)); }

Reply Savepoint::rollback_to() {
  Reply reply = step(rollback_to_, rollback_to_sql_);
  return kept_if_failed(reply.ok() ? step(release_, release_sql_) : std::move(reply));
}

// Outside a transaction a savepoint opens one of its own, and its release commits.
Reply Savepoint::step(const Prepared& statement, const std::string& sql) {
  if (!connection_.in_transaction()) return outside_transaction();
  const int code = connection_.step_own(statement.get());
  return code == SQLITE_OK ? Reply() : connection_.failure(code, Place::control, sql);
}

Reply outside_transaction() {
  return reply_of(Fault::internal, Effect::ended, "there is no transaction");
}

}  // namespace onelane::inline v0::sqlite
