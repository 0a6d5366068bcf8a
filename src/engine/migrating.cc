#include "src/engine/migrating.h"

#include <chrono>
#include <string>
#include <utility>

#include "src/commit/lane_transaction.h"
#include "src/commit/sheltered.h"
#include "src/engine/patience.h"

namespace onelane::inline v0::engine {

namespace {

Status named(const Migration& migration, const Reply& reply) {
  const bool ours = reply.fault != Fault::record;
  return {
      ours ? reply.cause.code() : Errc::invalid_argument,
      "migration to version " + std::to_string(migration.version) + ": " + reply.cause.message(),
      reply.cause.sqlite_code()};
}

Reply blamed(Status cause) {
  return {.fault = Fault::record, .effect = Effect::kept, .cause = std::move(cause)};
}

}  // namespace

Status Migrating::run(std::span<const Migration> migrations) {
  if (migrations.empty()) return {};
  SchemaVersion* const version = with_.sink.schema_version();
  if (version == nullptr) return {Errc::invalid_argument, "migrations: the sink has no versions"};
  const Result<std::int32_t> now = version->version();
  if (!now) return now.status();
  if (*now > migrations.back().version) {
    return {Errc::invalid_argument, "the database's schema has version " + std::to_string(*now) +
                                        ", and this program knows those up to " +
                                        std::to_string(migrations.back().version) +
                                        ": a newer program has made it"};
  }
  for (const Migration& each : migrations) {
    if (each.version <= *now) continue;
    if (Status why = version->start_migration(); !why.ok()) return why;
    Status why = once_unlocked([&] { return commit(each, *version); });
    const Status ended = version->end_migration();
    if (why.ok()) why = ended;
    if (!why.ok()) return why;
  }
  return {};
}

Status Migrating::commit(const Migration& migration, SchemaVersion& version) {
  const Reply reply = commit::sheltered(Effect::kept, [&] { return apply(migration, version); });
  if (reply.ok()) {
    with_.recorder.count_commit();
    return {};
  }
  const Reply undone = commit::sheltered(Effect::kept, [this] { return with_.sink.rollback(); });
  return named(migration, undone.ok() ? reply : undone);
}

Reply Migrating::apply(const Migration& migration, SchemaVersion& version) {
  Reply reply = with_.sink.begin();
  if (reply.ok() && !migration.sql.empty()) reply = version.run(migration.sql);
  if (reply.ok() && migration.step) reply = step(migration);
  if (reply.ok()) reply = version.set_version(migration.version);
  if (reply.ok()) reply = with_.sink.verify();
  return reply.ok() ? finish() : reply;
}

Reply Migrating::step(const Migration& migration) {
  detail::JobRun once;
  once.attempt = 1;
  commit::LaneTransaction transaction(with_.sink.job_statements(), with_.clock, once,
                                      std::chrono::hours(24 * 365));
  Status done = commit::call_step(migration.step, transaction);
  transaction.end_step();
  if (!transaction.failure().ok()) return transaction.failure();
  return done.ok() ? Reply() : blamed(std::move(done));
}

Reply Migrating::finish() {
  if (Watermark* const watermark = with_.sink.watermark(); watermark != nullptr) {
    Reply reply = watermark->mark(with_.recorder.committed() + 1);
    if (!reply.ok()) return reply;
  }
  return with_.sink.commit();
}

}  // namespace onelane::inline v0::engine
