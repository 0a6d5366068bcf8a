// The connection that a sink has, made again when it is lost, and the lock that makes the sink the
// only one of its prefix.
//
// The lock is the session's own (pg_advisory_lock), so the server lets it go only once the backend
// has ended, with its transaction decided. A new connection that has the lock can therefore say of
// a COMMIT that was under way on the old one whether it was committed, and nothing that was sent
// there comes after.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "onelane/postgres.h"
#include "onelane/sink.h"
#include "src/postgres/connection.h"
#include "src/postgres/conninfo.h"
#include "src/postgres/sqlstate.h"

namespace onelane::inline v0::postgres {

class Session {
 public:
  Session(Conninfo conninfo, const Options& options)
      : conninfo_(std::move(conninfo)), options_(options), view_(conninfo_) {}

  // The first connection. Errors: as open_sink.
  Status open();
  // Another one. effect is ended.
  Reply reopen();
  void close() noexcept { connection_.reset(); }

  // Whether there is a connection that seems to be good.
  bool good() { return connection_ != nullptr && connection_->good(); }
  Connection& connection() noexcept { return *connection_; }
  // Gives the connection up; reopen() makes another one.
  void drop() noexcept { connection_.reset(); }
  // What was said of a connection that is bad.
  Reply lost() const;

  // The name of a table of ours, with its schema and in quotes.
  std::string table(std::string_view what) const;
  const Options& options() const noexcept { return options_; }
  ServerView& view() noexcept { return view_; }

  // One statement of ours, in a transaction or by itself, behind what is queued.
  Reply ask(const std::string& sql, const Parameters& parameters, ResultPtr& answer);
  Reply ask(const std::string& sql, ResultPtr& answer);
  // Several statements, behind what is queued.
  Reply script(const std::string& sql, Whose whose);
  // Sends what is queued. The first failure among the replies, if there is one.
  Reply exchange(std::vector<ResultPtr>& replies, Whose whose);

 private:
  enum class Opening : unsigned char { first, again };
  Reply connect();
  Reply lock(Opening opening);
  std::string key() const;

  const Conninfo conninfo_;
  const Options options_;
  ServerView view_;
  std::string schema_;  // in quotes
  int backend_ = 0;     // the last one
  std::unique_ptr<Connection> connection_;
};

// Of the first reply that is a failure, where there is one. A command that the server skipped never
// is the first.
Reply first_failure(std::span<const ResultPtr> replies, Whose whose);
Reply failure_of(const PGresult* result, Whose whose);

// 'text', as SQL writes it.
std::string literal(std::string_view text);
std::string_view name(SynchronousCommit level) noexcept;

}  // namespace onelane::inline v0::postgres
