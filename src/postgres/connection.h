// One connection to a server, in libpq's pipeline mode: commands are queued, and one exchange sends
// them all and reads all their replies. No call waits longer than it is told; a connection that
// did not answer in time, or that was lost, is bad for ever.
//
// Not thread-safe. What throws std::bad_alloc leaves the connection bad, too, since its replies
// would no longer be those of the commands that it is asked about.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/clock.h"
#include "onelane/status.h"
#include "src/postgres/conninfo.h"
#include "src/postgres/parameters.h"
#include "src/postgres/server_view.h"

namespace onelane::inline v0::postgres {

struct ClearResult {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

// Whether the command did what it says.
bool succeeded(const PGresult* result) noexcept;
// Whether the server skipped the command, since one before it in the exchange had failed.
bool skipped(const PGresult* result) noexcept;
std::string_view sqlstate_of(const PGresult* result) noexcept;
// Rows that the command inserted, updated or deleted.
std::uint64_t changes_of(PGresult* result) noexcept;
// The server's own words, without the statement's text.
std::string message_of(const PGresult* result);

class Connection {
 public:
  // To the first of the conninfo's hosts that takes it, each of which has the timeout. Errors:
  // storage. Both must outlive it; `view` is told how long answers take.
  static Result<std::unique_ptr<Connection>> open(const Conninfo& conninfo, ServerView& view,
                                                  Duration timeout);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Whether it can be used, as far as is known without asking the server: a server that has closed
  // it has said so.
  bool good();
  // Why not.
  const std::string& why() const noexcept { return why_; }
  int backend() const noexcept { return PQbackendPID(connection_.get()); }

  // --- Queue a command, whose reply is the next one of exchange().

  void prepare(const char* name, const char* sql, std::span<const Oid> types);
  void describe(const char* name);
  void run_prepared(const char* name, const Parameters& parameters);
  void run(const char* sql, const Parameters& parameters);
  void run(const char* sql);
  // How many are queued.
  std::size_t queued() const noexcept { return queued_; }

  // Once much is queued, sends it, so that the server has work and libpq does not keep it all. What
  // the server answers meanwhile is kept for the exchange.
  void send_on(Duration timeout);

  // Sends what is queued, and appends a reply for each command. After one that failed the server
  // skips the others. False if the connection is bad now; `replies` then has those that came. Each
  // reply has the whole timeout; notices and whatever else the server sends give it no more.
  bool exchange(std::vector<ResultPtr>& replies, Duration timeout);

  // Runs SQL of any number of statements, outside of pipeline mode. The last result; none if the
  // connection is bad now. Nothing may be queued.
  ResultPtr run_script(const std::string& sql, Duration timeout);

  // Whether the server warned of anything in the last command of the last exchange. So does a
  // COMMIT that gave up waiting for a standby, and succeeded.
  bool warned() const noexcept { return warned_; }
  // Between exchanges.
  bool in_transaction() const noexcept {
    return PQtransactionStatus(connection_.get()) != PQTRANS_IDLE;
  }

 private:
  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };

  Connection(PGconn* connection, const Conninfo& conninfo, ServerView& view);
  // What went wrong; empty if nothing did.
  std::string connect(TimePoint deadline);
  void sent(int ok);
  TimePoint ask() noexcept;
  void answered(TimePoint asked) noexcept;
  void read_replies(std::vector<ResultPtr>& replies, std::size_t wanted, Duration timeout);
  short wait(short events, TimePoint deadline);
  // The time is for the next bytes that go.
  bool flush(Duration timeout);
  // The next result, in time; none at the end of a command's; `bad` if the connection is.
  ResultPtr next(Duration timeout);
  void give_up(std::string why);
  static void on_notice(void* self, const PGresult* result);

  std::unique_ptr<PGconn, Finish> connection_;
  const Conninfo& conninfo_;
  ServerView& view_;
  bool asked_ = false;  // an answer is waited for
  std::size_t queued_ = 0;
  std::size_t unsent_ = 0;  // bytes of statements that may be queued, about
  bool bad_ = false;
  bool warned_ = false;
  std::string why_;
};

}  // namespace onelane::inline v0::postgres
