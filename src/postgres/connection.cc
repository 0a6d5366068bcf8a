#include "src/postgres/connection.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <new>
#include <numeric>
#include <utility>

namespace onelane::inline v0::postgres {

namespace {

constexpr int kTextResults = 0;

// As many bytes are queued before the server gets them.
constexpr std::size_t kSendAt = std::size_t{16} * 1024;
// Between exchanges a server has little to say. One that always has more is not listened to.
constexpr int kUnaskedReadsMax = 64;

// Of a prepared statement in the queue, besides its values.
constexpr std::size_t kStatementBytes = 64;

// Up to the deadline, rounded up; 0 once it is over.
int milliseconds_until(TimePoint deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock().now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

std::string without_newline(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

bool succeeded(const PGresult* result) noexcept {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

bool skipped(const PGresult* result) noexcept {
  return PQresultStatus(result) == PGRES_PIPELINE_ABORTED;
}

std::string_view sqlstate_of(const PGresult* result) noexcept {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr ? std::string_view() : state;
}

std::uint64_t changes_of(PGresult* result) noexcept {
  if (std::string_view(PQcmdStatus(result)).starts_with("SELECT")) return 0;
  const std::string_view text = PQcmdTuples(result);
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::string message_of(const PGresult* result) {
  const char* const primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (primary == nullptr) {
    std::string words = without_newline(PQresultErrorMessage(result));
    return words.empty() ? "the server does not say why" : words;
  }
  std::string out = primary;
  const char* const detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
  if (detail != nullptr) out += std::string(": ") + detail;
  return out;
}

Connection::Connection(PGconn* connection, const Conninfo& conninfo, ServerView& view)
    : connection_(connection), conninfo_(conninfo), view_(view) {}

Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(const Conninfo& conninfo, ServerView& view,
                                                     Duration timeout) {
  std::string failures;
  for (const Conninfo& host : conninfo.hosts()) {
    const std::vector<const char*> keywords = host.keywords();
    const std::vector<const char*> values = host.values();
    std::unique_ptr<Connection> out(
        new Connection(PQconnectStartParams(keywords.data(), values.data(), 0), conninfo, view));
    const std::string failure = out->connect(steady_clock().now() + timeout);
    if (failure.empty()) {
      view.connected();
      return out;
    }
    failures += (failures.empty() ? "" : "; ") + failure;
  }
  return Status(Errc::storage,
                "PostgreSQL at " + conninfo.name() + ": " + conninfo.scrubbed(failures));
}

std::string Connection::connect(TimePoint deadline) {
  if (connection_ == nullptr) throw std::bad_alloc();
  PQsetNoticeReceiver(connection_.get(), &Connection::on_notice, this);
  PostgresPollingStatusType polled = PGRES_POLLING_WRITING;
  while (PQstatus(connection_.get()) != CONNECTION_BAD && polled != PGRES_POLLING_OK &&
         polled != PGRES_POLLING_FAILED) {
    if (wait(polled == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline) == 0) break;
    polled = PQconnectPoll(connection_.get());
  }
  if (polled != PGRES_POLLING_OK || PQstatus(connection_.get()) != CONNECTION_OK) {
    std::string message = without_newline(PQerrorMessage(connection_.get()));
    if (message.empty()) message = why_;
    return message.empty() ? "there is no connection" : message;
  }
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) != 1) {
    return "no pipeline mode";
  }
  return {};
}

void Connection::on_notice(void* self, const PGresult* result) {
  const char* const severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == nullptr || std::string_view(severity) != "WARNING") return;
  static_cast<Connection*>(self)->warned_ = true;
}

// A server that closes the connection says so first: there are words to read, and then the end.
bool Connection::good() {
  pollfd socket{bad_ ? -1 : PQsocket(connection_.get()), POLLIN, 0};
  for (int reads = 0; !bad_ && ::poll(&socket, 1, 0) > 0; ++reads) {
    if (reads == kUnaskedReadsMax) give_up("the server does not stop talking unasked");
    const bool read = PQconsumeInput(connection_.get()) != 0;
    (void)PQisBusy(connection_.get());  // parses it
    if (!read || PQstatus(connection_.get()) == CONNECTION_BAD) {
      give_up(PQerrorMessage(connection_.get()));
    }
  }
  return !bad_;
}

void Connection::give_up(std::string why) {
  if (bad_) return;
  bad_ = true;
  why_ = "PostgreSQL at " + conninfo_.name() + ": " +
         conninfo_.scrubbed(without_newline(std::move(why)));
}

void Connection::sent(int ok) {
  ++queued_;
  if (ok == 0) give_up(PQerrorMessage(connection_.get()));
}

void Connection::prepare(const char* name, const char* sql, std::span<const Oid> types) {
  if (bad_) return;
  sent(PQsendPrepare(connection_.get(), name, sql, static_cast<int>(types.size()), types.data()));
}

void Connection::describe(const char* name) {
  if (!bad_) sent(PQsendDescribePrepared(connection_.get(), name));
}

void Connection::run_prepared(const char* name, const Parameters& parameters) {
  if (bad_) return;
  sent(PQsendQueryPrepared(connection_.get(), name, parameters.count(), parameters.values(),
                           parameters.lengths(), parameters.formats(), kTextResults));
  unsent_ = std::accumulate(parameters.lengths(), parameters.lengths() + parameters.count(),
                            unsent_ + kStatementBytes);
}

void Connection::run(const char* sql, const Parameters& parameters) {
  if (bad_) return;
  sent(PQsendQueryParams(connection_.get(), sql, parameters.count(), parameters.types(),
                         parameters.values(), parameters.lengths(), parameters.formats(),
                         kTextResults));
}

void Connection::run(const char* sql) {
  if (bad_) return;
  sent(PQsendQueryParams(connection_.get(), sql, 0, nullptr, nullptr, nullptr, nullptr,
                         kTextResults));
}

// Which of the events the socket is ready for; 0: `why_` says what kept it.
short Connection::wait(short events, TimePoint deadline) {
  LockWatch& locks = view_.locks();
  // First: a server that talks all the time has always something to read.
  while (steady_clock().now() < deadline) {
    const LockWatch::Wish wish = asked_ ? locks.wish() : LockWatch::Wish{.at = deadline};
    std::array sockets{pollfd{PQsocket(connection_.get()), events, 0},
                       pollfd{wish.socket, wish.events, 0}};
    const int ready =
        ::poll(sockets.data(), sockets.size(), milliseconds_until(std::min(deadline, wish.at)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready > 0 && sockets[0].revents != 0) return sockets[0].revents;
    if (ready < 0) break;
    const TimePoint now = steady_clock().now();
    if (asked_ && (sockets[1].revents != 0 || now >= wish.at)) locks.step(now);
  }
  why_ = "no answer in time";
  return 0;
}

// The server may wait for us to read before it reads on.
bool Connection::flush(Duration timeout) {
  TimePoint deadline = steady_clock().now() + timeout;
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left == 0) return true;
    if (left < 0) {
      // What the server said before it went is still to be read.
      return PQconsumeInput(connection_.get()) != 0;
    }
    const short ready = wait(POLLIN | POLLOUT, deadline);
    if (ready == 0) {
      give_up(std::exchange(why_, {}));
      return false;
    }
    if ((ready & POLLOUT) != 0) deadline = steady_clock().now() + timeout;
    if (PQconsumeInput(connection_.get()) == 0) return false;
  }
}

void Connection::send_on(Duration timeout) {
  if (bad_ || unsent_ < kSendAt) return;
  unsent_ = 0;
  (void)flush(timeout);
}

// PQgetResult waits by itself, for ever, if it is called before the result is there.
ResultPtr Connection::next(Duration timeout) {
  const TimePoint deadline = steady_clock().now() + timeout;
  while (PQisBusy(connection_.get()) != 0) {
    if (wait(POLLIN, deadline) == 0) {
      give_up(std::exchange(why_, {}));
      return nullptr;
    }
    if (PQconsumeInput(connection_.get()) == 0) {
      if (PQstatus(connection_.get()) == CONNECTION_BAD) break;  // PQgetResult says why
      give_up(PQerrorMessage(connection_.get()));
      return nullptr;
    }
    (void)PQflush(connection_.get());
  }
  return ResultPtr(PQgetResult(connection_.get()));
}

bool Connection::exchange(std::vector<ResultPtr>& replies, Duration timeout) {
  if (bad_) return false;
  warned_ = false;
  unsent_ = 0;
  const std::size_t wanted = replies.size() + std::exchange(queued_, 0);
  const TimePoint asked = ask();
  try {
    replies.reserve(wanted);
    read_replies(replies, wanted, timeout);
  } catch (const std::bad_alloc&) {
    bad_ = true;
    answered(asked);
    throw;
  }
  answered(asked);
  if (!bad_ && replies.size() != wanted) give_up("replies are missing");
  return !bad_;
}

TimePoint Connection::ask() noexcept {
  const TimePoint now = steady_clock().now();
  view_.locks().asked(connection_.get(), now);
  asked_ = true;
  return now;
}

void Connection::answered(TimePoint asked) noexcept {
  const TimePoint now = steady_clock().now();
  asked_ = false;
  view_.locks().answered(now);
  view_.answered(now - asked);
}

void Connection::read_replies(std::vector<ResultPtr>& replies, std::size_t wanted,
                              Duration timeout) {
  if (PQpipelineSync(connection_.get()) != 1) give_up(PQerrorMessage(connection_.get()));
  if (!bad_) (void)flush(timeout);  // a failure shows in what is read
  bool ended = false;               // what was read last
  while (!bad_) {
    ResultPtr reply = next(timeout);
    if (bad_) return;
    const ExecStatusType status = PQresultStatus(reply.get());
    if (reply != nullptr && status == PGRES_PIPELINE_SYNC) return;
    if (reply == nullptr) {  // the end of a command's results, or of all
      if (PQstatus(connection_.get()) == CONNECTION_BAD) {
        give_up(PQerrorMessage(connection_.get()));
      } else if (std::exchange(ended, true)) {
        give_up("replies are missing");
      }
      continue;
    }
    ended = false;
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      give_up("COPY is not for here");
      return;
    }
    if (replies.size() == wanted) {
      const bool lost = PQstatus(connection_.get()) == CONNECTION_BAD;
      give_up(lost ? PQerrorMessage(connection_.get()) : "there are more replies than commands");
      return;
    }
    replies.push_back(std::move(reply));
    if (replies.size() < wanted) warned_ = false;  // not of the last command
  }
}

ResultPtr Connection::run_script(const std::string& sql, Duration timeout) {
  if (bad_) return nullptr;
  ResultPtr last;
  if (PQexitPipelineMode(connection_.get()) != 1 ||
      PQsendQuery(connection_.get(), sql.c_str()) != 1) {
    give_up(PQerrorMessage(connection_.get()));
    return nullptr;
  }
  (void)flush(timeout);
  auto left = 1 + std::count(sql.begin(), sql.end(), ';');
  while (!bad_) {
    ResultPtr reply = next(timeout);
    if (bad_ || reply == nullptr) break;
    if (left-- == 0 && PQstatus(connection_.get()) != CONNECTION_BAD) {
      give_up("there are more replies than statements");
      break;
    }
    const ExecStatusType status = PQresultStatus(reply.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      give_up("COPY is not for here");
      break;
    }
    last = std::move(reply);
  }
  if (!bad_ && PQstatus(connection_.get()) == CONNECTION_BAD) {
    give_up(PQerrorMessage(connection_.get()));
  }
  if (last == nullptr) give_up("replies are missing");
  if (!bad_ && PQenterPipelineMode(connection_.get()) != 1) {
    give_up(PQerrorMessage(connection_.get()));
  }
  return bad_ ? nullptr : std::move(last);
}

}  // namespace onelane::inline v0::postgres
