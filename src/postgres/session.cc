#include "src/postgres/session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "src/postgres/rows.h"

namespace onelane::inline v0::postgres {

namespace {

// How long an opening waits for the lock. A connection that has just been closed has it for as long
// as its backend takes to end. No longer than a statement may take, which would tell less.
constexpr Duration kLockWaitMax = std::chrono::seconds(2);

std::string in_milliseconds(Duration time) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(time).count());
}

// What values are read and written by, and how long a statement may take. A server that ends idle
// sessions would end ours between two ticks.
std::string settings(const Options& options) {
  return "SET bytea_output = hex; SET extra_float_digits = 1; SET standard_conforming_strings = on;"
         "SET synchronous_commit = " +
         std::string(name(options.synchronous_commit)) +
         "; SET statement_timeout = " + in_milliseconds(options.statement_timeout) +
         "; SET lock_timeout = " + in_milliseconds(options.lock_timeout) +
         "; SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN "
         "('idle_session_timeout', 'idle_in_transaction_session_timeout')";
}

}  // namespace

std::string_view name(SynchronousCommit level) noexcept {
  constexpr std::array<std::string_view, 5> kNames{"off", "local", "on", "remote_write",
                                                   "remote_apply"};
  return kNames[static_cast<std::size_t>(level)];
}

std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + '\'';
}

Reply failure_of(const PGresult* result, Whose whose) {
  return failure(sqlstate_of(result), message_of(result), whose);
}

Reply first_failure(std::span<const ResultPtr> replies, Whose whose) {
  for (const ResultPtr& each : replies) {
    if (!succeeded(each.get())) return failure_of(each.get(), whose);
  }
  return {};
}

Status Session::open() {
  Reply reply = connect();
  ResultPtr answer;
  if (reply.ok()) reply = ask("SELECT quote_ident(current_schema())", answer);
  if (!reply.ok()) return reply.cause;
  schema_ = value_of(answer.get());
  if (schema_.empty()) {
    return {Errc::invalid_argument,
            "PostgreSQL at " + conninfo_.name() +
                ": no schema of the role's search_path exists, so there is no place for tables"};
  }
  return lock(Opening::first).cause;
}

Reply Session::reopen() {
  connection_.reset();
  Reply reply = connect();
  if (reply.ok()) reply = lock(Opening::again);
  if (!reply.ok()) connection_.reset();
  reply.effect = Effect::ended;
  return reply;
}

Reply Session::connect() {
  Result<std::unique_ptr<Connection>> made =
      Connection::open(conninfo_, view_, options_.connect_timeout);
  if (!made) {
    Reply reply;
    reply.fault = Fault::environment;
    reply.effect = Effect::ended;
    reply.cause = made.status();
    return reply;
  }
  connection_ = *std::move(made);
  return script(settings(options_), Whose::ours);
}

// Of the old connection's backend, which may not know yet that its client is gone, only that it
// has the lock is known for sure: its number may be another session's by now.
Reply Session::lock(Opening opening) {
  ResultPtr answer;
  if (opening == Opening::again) {
    Reply reply = ask(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
        "AND objsubid = 1 AND pid = " +
            std::to_string(backend_) + " AND (classid::bigint << 32 | objid::bigint) = " + key(),
        answer);
    if (!reply.ok()) return reply;
  }
  const Duration wait = std::min(kLockWaitMax, options_.statement_timeout / 2);
  Reply reply = ask("SET lock_timeout = " + in_milliseconds(wait), answer);
  if (reply.ok()) reply = ask("SELECT pg_advisory_lock(" + key() + ")", answer);
  if (reply.fault == Fault::busy) {
    reply.fault = Fault::environment;
    reply.cause = {opening == Opening::first ? Errc::already_open : Errc::storage,
                   "PostgreSQL at " + conninfo_.name() + ": another journal has the prefix \"" +
                       options_.prefix + "\" in schema " + schema_};
  }
  if (!reply.ok()) return reply;
  backend_ = connection_->backend();
  return ask("SET lock_timeout = " + in_milliseconds(options_.lock_timeout), answer);
}

std::string Session::key() const {
  return "hashtextextended(" + literal("onelane " + schema_ + '.' + options_.prefix) + ", 0)";
}

Reply Session::lost() const {
  return reply_of(Fault::environment, Effect::ended,
                  connection_ == nullptr ? "there is no connection" : connection_->why());
}

std::string Session::table(std::string_view what) const {
  return schema_ + ".\"" + options_.prefix + '_' + std::string(what) + '"';
}

Reply Session::exchange(std::vector<ResultPtr>& replies, Whose whose) {
  replies.clear();
  const bool good = connection_->exchange(replies, options_.reply_timeout);
  Reply failed = first_failure(replies, whose);
  return good || !failed.ok() ? failed : lost();
}

Reply Session::ask(const std::string& sql, ResultPtr& answer) {
  return ask(sql, Parameters(), answer);
}

Reply Session::ask(const std::string& sql, const Parameters& parameters, ResultPtr& answer) {
  std::vector<ResultPtr> replies;
  if (!good()) return lost();
  connection_->run(sql.c_str(), parameters);
  Reply reply = exchange(replies, Whose::ours);
  if (reply.ok()) answer = std::move(replies.back());
  return reply;
}

Reply Session::script(const std::string& sql, Whose whose) {
  if (!good()) return lost();
  if (connection_->queued() != 0) {
    std::vector<ResultPtr> replies;
    if (Reply reply = exchange(replies, Whose::ours); !reply.ok()) return reply;
  }
  const ResultPtr last = connection_->run_script(sql, options_.reply_timeout);
  if (last == nullptr) return lost();
  return succeeded(last.get()) ? Reply() : failure_of(last.get(), whose);
}

}  // namespace onelane::inline v0::postgres
