#include "tools/move/server.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <charconv>
#include <utility>

#include "tools/kit/errors.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

using kit::RunError;

constexpr char kInterrupted[] = "interrupted; nothing was changed";
constexpr int kLookMs = 200;              // for a signal that came between the look and the wait
constexpr char kConnectSeconds[] = "10";  // to each host
constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;  // of a COPY
constexpr int kText = 0;
constexpr int kBinary = 1;
constexpr std::string_view kUniqueViolation = "23505";

std::string first_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return kit::printable(text.substr(0, text.find('\n')));
}

std::string field(const PGresult* result, int code) {
  const char* const text = PQresultErrorField(result, code);
  return text == nullptr ? "" : kit::printable(text);
}

std::uint64_t rows_of(PGresult* result) {
  const std::string_view text = PQcmdTuples(result);
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

struct FreeSettings {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};
using Settings = std::unique_ptr<PQconninfoOption, FreeSettings>;

Settings read(const std::string& conninfo) {
  char* error = nullptr;
  Settings options(PQconninfoParse(conninfo.c_str(), &error));
  PQfreemem(error);  // it may have a piece of a password
  if (options == nullptr) {
    throw kit::UsageError(
        "conninfo: libpq cannot read it; right is keyword=value, with spaces between, as in "
        "\"host=/run/postgresql dbname=peers\", or a URI, postgresql://user@host/peers");
  }
  for (const PQconninfoOption* each = options.get(); each->keyword != nullptr; ++each) {
    const std::string_view value = each->val == nullptr ? "" : each->val;
    if (std::string_view(each->keyword) != "dbname") continue;
    if (value.find('=') == value.npos && value.find("://") == value.npos) continue;
    throw kit::UsageError("conninfo: the dbname is a conninfo itself; right is a database's name");
  }
  return options;
}

// As messages name a server: never with a password.
std::string name_of(const Settings& settings) {
  constexpr std::array<std::string_view, 4> kNamed{"host", "port", "dbname", "user"};
  std::string out;
  for (const std::string_view keyword : kNamed) {
    for (const PQconninfoOption* each = settings.get(); each->keyword != nullptr; ++each) {
      if (keyword != each->keyword || each->val == nullptr) continue;
      out += fmt::format("{}{}={}", out.empty() ? "" : " ", keyword, kit::printable(each->val));
    }
  }
  return out;
}

// Whatever the role's settings are: a copy takes as long as it takes.
constexpr char kSettings[] =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
    "SET lock_timeout = '10s'; SET client_min_messages = error; "
    "SET standard_conforming_strings = on; SET row_security = off";

}  // namespace

Server::Server(const std::string& conninfo) {
  const Settings settings = read(conninfo);
  // What comes later counts: the time is for a conninfo that has none.
  std::vector<const char*> keywords{"connect_timeout"};
  std::vector<const char*> values{kConnectSeconds};
  for (const PQconninfoOption* each = settings.get(); each->keyword != nullptr; ++each) {
    if (each->val == nullptr || *each->val == '\0') continue;
    keywords.push_back(each->keyword);
    values.push_back(each->val);
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectdbParams(keywords.data(), values.data(), 0));
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    throw RunError("PostgreSQL at " + name_of(settings) + ": " +
                   first_line(PQerrorMessage(connection_.get())));
  }
  if (PQsetClientEncoding(connection_.get(), "UTF8") != 0) fail(nullptr);
  run(kSettings);
  // What was moved is there to stay, whatever the role says of its other commits.
  ask("SELECT set_config('synchronous_commit', 'on', false) WHERE "
      "current_setting('synchronous_commit') = 'off'");
  // Each statement sees what was committed before the tables were locked.
  run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
}

void Server::fail(const PGresult* result) const {
  if (kit::interrupted()) throw RunError(kInterrupted);
  std::string what = result == nullptr ? "" : field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (what.empty()) what = first_line(PQerrorMessage(connection_.get()));
  if (result != nullptr) {
    const std::string detail = field(result, PG_DIAG_MESSAGE_DETAIL);
    const std::string context = field(result, PG_DIAG_CONTEXT);
    if (!detail.empty()) what += ": " + detail;
    if (!context.empty()) what += " (" + kit::clipped(context, 200) + ")";
  }
  throw RunError("PostgreSQL: " + what + "; nothing was changed");
}

Answer Server::exchange(const std::string& sql) const {
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) fail(nullptr);
  return wait();
}

// One statement, whose values come in this format.
Answer Server::exchange_in(int format, const std::string& sql) const {
  if (PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr,
                        format) != 1) {
    fail(nullptr);
  }
  return wait();
}

Answer Server::wait() const {
  PGconn* const connection = connection_.get();
  Answer out;
  for (;;) {
    while (PQisBusy(connection) != 0) {
      pollfd socket{PQsocket(connection), POLLIN, 0};
      ::poll(&socket, 1, kLookMs);
      if (kit::interrupted()) give_up();
      if (PQconsumeInput(connection) == 0) fail(nullptr);
    }
    PGresult* const next = PQgetResult(connection);
    if (next == nullptr) return out;
    out.reset(next);
    if (PQresultStatus(next) == PGRES_COPY_IN) return out;
  }
}

// So that nothing of it waits or runs on at the server.
void Server::give_up() const {
  PGcancel* const cancel = PQgetCancel(connection_.get());
  std::array<char, 256> ignored{};
  PQcancel(cancel, ignored.data(), static_cast<int>(ignored.size()));
  PQfreeCancel(cancel);
  throw RunError(kInterrupted);
}

Answer Server::checked(Answer answer, ExecStatusType expected) const {
  if (kit::interrupted()) throw RunError(kInterrupted);
  if (answer == nullptr || PQresultStatus(answer.get()) != expected) fail(answer.get());
  return answer;
}

void Server::run(const std::string& sql) {
  const Answer answer = checked(exchange(sql), PGRES_COMMAND_OK);
  changes_ = rows_of(answer.get());
}

bool Server::try_unique(const std::string& sql) {
  run("SAVEPOINT onelane_try");
  Answer answer = exchange(sql);
  const char* const state =
      answer == nullptr ? nullptr : PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
  if (state != nullptr && std::string_view(state) == kUniqueViolation) {
    run("ROLLBACK TO SAVEPOINT onelane_try");
    return false;
  }
  answer = checked(std::move(answer), PGRES_COMMAND_OK);
  const std::uint64_t changes = rows_of(answer.get());
  run("RELEASE SAVEPOINT onelane_try");
  changes_ = changes;
  return true;
}

std::vector<std::vector<std::optional<std::string>>> Server::ask(const std::string& sql) {
  const Answer answer = checked(exchange_in(kText, sql), PGRES_TUPLES_OK);
  std::vector<std::vector<std::optional<std::string>>> out;
  for (int row = 0; row < PQntuples(answer.get()); ++row) {
    auto& values = out.emplace_back();
    for (int column = 0; column < PQnfields(answer.get()); ++column) {
      if (PQgetisnull(answer.get(), row, column) != 0) {
        values.emplace_back();
      } else {
        values.emplace_back(PQgetvalue(answer.get(), row, column));
      }
    }
  }
  return out;
}

std::string Server::first(const std::string& sql) {
  const auto rows = ask(sql);
  return rows.empty() ? std::string() : rows[0][0].value_or("");
}

Answer Server::fetch(const std::string& sql) {
  return checked(exchange_in(kBinary, sql), PGRES_TUPLES_OK);
}

void Server::commit() {
  const Answer answer(PQexec(connection_.get(), "COMMIT"));
  if (answer != nullptr && PQresultStatus(answer.get()) == PGRES_COMMAND_OK) {
    // COMMIT of a transaction that has failed succeeds, too.
    if (std::string_view(PQcmdStatus(answer.get())) == "COMMIT") return;
    throw RunError("PostgreSQL: the transaction had failed; nothing was changed");
  }
  if (answer != nullptr && PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE) != nullptr &&
      PQstatus(connection_.get()) == CONNECTION_OK) {
    fail(answer.get());
  }
  throw RunError(
      "PostgreSQL: the connection was lost in COMMIT, so it may have been committed or "
      "not; run this again");
}

void Server::begin_copy(const std::string& sql) { checked(exchange(sql), PGRES_COPY_IN); }

void Server::put(std::string_view data) {
  while (!data.empty()) {
    const std::string_view piece = data.substr(0, kPieceBytes);
    if (PQputCopyData(connection_.get(), piece.data(), static_cast<int>(piece.size())) != 1) {
      fail(nullptr);
    }
    data.remove_prefix(piece.size());
  }
}

std::uint64_t Server::end_copy() {
  if (PQputCopyEnd(connection_.get(), nullptr) != 1) fail(nullptr);
  const Answer answer = checked(wait(), PGRES_COMMAND_OK);
  return rows_of(answer.get());
}

}  // namespace onelane::tools
