#include "src/postgres/lock_watch.h"

#include <poll.h>

#include <array>
#include <charconv>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "src/postgres/connection.h"
#include "src/postgres/rows.h"

namespace onelane::inline v0::postgres {

namespace {

// How long a look may take.
constexpr Duration kLookTakes = std::chrono::seconds(1);
constexpr Duration kConnectAgainAfter = std::chrono::seconds(10);

}  // namespace

// The connection is kept, since where ticks are slow there is a look in each.
void LockWatch::asked(const PGconn* connection, TimePoint now) noexcept {
  asked_ = connection;
  const int backend = PQbackendPID(connection);
  if (std::exchange(backend_, backend) != backend) connection_.reset();
  looked_ = now;
  rest(now + kLookAfter);
}

// A look that fails, for whatever reason, is one that saw nothing.
void LockWatch::step(TimePoint now) noexcept {
  try {
    const bool late = stage_ != Stage::resting && now >= wish_.at;
    if (late) give_up();
    if (!late) look();
  } catch (const std::bad_alloc&) {
    give_up();
  }
  if (stage_ == Stage::resting) rest(now + kLookAfter);
}

void LockWatch::answered(TimePoint now) noexcept {
  asked_ = nullptr;
  if (blocked_) unblocked(now);
  if (stage_ != Stage::resting) connection_.reset();
  rest(TimePoint::max());
}

std::vector<LockHolder> LockWatch::holders() const {
  const std::scoped_lock lock(mutex_);
  return holders_;
}

void LockWatch::rest(TimePoint until) noexcept {
  stage_ = Stage::resting;
  wish_ = {.at = until};
}

// A server that refuses the connection is not asked for one in each tick.
void LockWatch::give_up() noexcept {
  stage_ = Stage::resting;
  connection_.reset();
  not_before_ = steady_clock().now() + kConnectAgainAfter;
  if (blocked_) unblocked(looked_);
}

void LockWatch::unblocked(TimePoint since) noexcept {
  waited_ += since - *std::exchange(blocked_, std::nullopt);
}

void LockWatch::look() {
  switch (stage_) {
    case Stage::resting:
      if (connection_ != nullptr) return ask();
      if (steady_clock().now() >= not_before_) start();
      return;
    case Stage::connecting:
      return connect();
    case Stage::asking:
      return read();
  }
}

// To that one of the conninfo's hosts which is asked: what comes last counts.
void LockWatch::start() {
  std::vector<const char*> keywords = conninfo_.keywords();
  std::vector<const char*> values = conninfo_.values();
  const std::array here{std::pair{"host", PQhost(asked_)},
                        std::pair{"hostaddr", PQhostaddr(asked_)},
                        std::pair{"port", PQport(asked_)}};
  for (const auto& [keyword, value] : here) {
    keywords.insert(keywords.end() - 1, keyword);
    values.insert(values.end() - 1, value);
  }
  connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (PQstatus(connection_.get()) == CONNECTION_BAD) return give_up();
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  stage_ = Stage::connecting;
  wish_ = {.socket = PQsocket(connection_.get()),
           .events = POLLOUT,
           .at = steady_clock().now() + kLookTakes};
}

void LockWatch::connect() {
  const PostgresPollingStatusType polled = PQconnectPoll(connection_.get());
  if (polled == PGRES_POLLING_OK) return ask();
  if (polled == PGRES_POLLING_FAILED) return give_up();
  wish_.socket = PQsocket(connection_.get());
  wish_.events = polled == PGRES_POLLING_READING ? POLLIN : POLLOUT;
}

void LockWatch::ask() {
  const std::string sql = "SELECT b.pid, a.application_name FROM unnest(pg_blocking_pids(" +
                          std::to_string(backend_) +
                          ")) AS b(pid) LEFT JOIN pg_stat_activity AS a ON a.pid = b.pid";
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) return give_up();
  stage_ = Stage::asking;
  wish_ = {.socket = PQsocket(connection_.get()),
           .events = POLLIN,
           .at = steady_clock().now() + kLookTakes};
}

void LockWatch::read() {
  if (PQconsumeInput(connection_.get()) != 1) return give_up();
  while (PQisBusy(connection_.get()) == 0) {
    const ResultPtr result(PQgetResult(connection_.get()));
    if (result == nullptr) {
      stage_ = Stage::resting;
      return;
    }
    if (succeeded(result.get())) found(result.get());
  }
}

void LockWatch::found(const PGresult* result) {
  const TimePoint now = steady_clock().now();
  const TimePoint before = std::exchange(looked_, now);
  if (PQntuples(result) == 0) {
    if (blocked_) unblocked(now);
    return;
  }
  if (!blocked_) blocked_ = before;
  std::vector<LockHolder> holders;
  for (int row = 0; row < PQntuples(result); ++row) {
    LockHolder& holder = holders.emplace_back();
    const std::string_view pid = value_of(result, row, 0);
    std::from_chars(pid.data(), pid.data() + pid.size(), holder.pid);
    holder.name = value_of(result, row, 1);
  }
  const std::scoped_lock lock(mutex_);
  holders_ = std::move(holders);
}

}  // namespace onelane::inline v0::postgres
