// The language of tests of the sink for PostgreSQL: one server for the program, a database of its
// own for each test, and a second connection to look at it.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <poll.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "onelane/onelane.h"
#include "onelane/postgres.h"
#include "tests/support/postgres_server.h"

namespace onelane::test {

// Another program's connection; throws if there is no server. Fails the test if the server refuses
// what it is told.
class Neighbour {
 public:
  explicit Neighbour(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
    if (PQstatus(connection_) != CONNECTION_OK) {
      const std::string why = PQerrorMessage(connection_);
      PQfinish(connection_);
      throw std::runtime_error(why);
    }
    PQsetNoticeProcessor(
        connection_, [](void*, const char*) {}, nullptr);
  }
  ~Neighbour() { PQfinish(connection_); }
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;

  // Rows as text: values with "|" between, rows with a blank. NULL is "-".
  std::string ask(const std::string& sql) {
    PGresult* const result = PQexec(connection_, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        << sql << ": " << PQresultErrorMessage(result);
    std::string out;
    for (int i = 0; i < PQntuples(result); ++i) {
      if (i != 0) out += ' ';
      for (int j = 0; j < PQnfields(result); ++j) {
        if (j != 0) out += '|';
        out += PQgetisnull(result, i, j) != 0 ? "-" : PQgetvalue(result, i, j);
      }
    }
    PQclear(result);
    return out;
  }
  // Without waiting for the answer, which done() takes once it is there.
  void send(const std::string& sql) { EXPECT_EQ(PQsendQuery(connection_, sql.c_str()), 1); }
  bool done() {
    EXPECT_EQ(PQconsumeInput(connection_), 1);
    if (PQisBusy(connection_) != 0) return false;
    while (PGresult* const result = PQgetResult(connection_)) PQclear(result);
    return true;
  }

 private:
  PGconn* connection_;
};

// The program's server; null where there are no binaries.
inline PostgresServer* shared_server() {
#ifdef ONELANE_POSTGRES_SERVER
  static PostgresServer server(ONELANE_POSTGRES_SERVER);
  return &server;
#else
  return nullptr;
#endif
}

class PostgresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_ = shared_server();
    if (server_ == nullptr) GTEST_SKIP() << "there is no PostgreSQL server here to start";
    if (!server_->runs()) server_->start();  // a test before failed
    static int made = 0;
    const std::string name = "test" + std::to_string(++made);
    Neighbour(server_->conninfo() + " dbname=postgres").ask("CREATE DATABASE " + name);
    conninfo_ = server_->conninfo() + " dbname=" + name;
  }

  std::string ask(const std::string& sql) { return Neighbour(conninfo_).ask(sql); }
  // For what only goes on in real time, as a server does.
  static void pause() { ::poll(nullptr, 0, 5); }

  static Row row(const auto&... values) {
    Row out;
    put(out, values...);
    return out;
  }

  PostgresServer* server_ = nullptr;
  std::string conninfo_;
};

}  // namespace onelane::test
