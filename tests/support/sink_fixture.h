// The language of the SQLite sink's tests: a sink on a database of its own, driven by hand.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "onelane/sink.h"
#include "src/sqlite/sink/sqlite_sink.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {

inline constexpr Column kInteger{ColumnType::integer, true};
inline constexpr Column kReal{ColumnType::real, true};
inline constexpr Column kText{ColumnType::text, true};
inline constexpr Column kBlob{ColumnType::blob, true};

inline ::testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << '"' << text << "\" has no \"" << part << '"';
}

// For EXPECT_TRUE, with the cause as the message.
inline ::testing::AssertionResult succeeded(const Reply& reply) {
  if (reply.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << reply.cause.to_string();
}

inline ::testing::AssertionResult failed(const Reply& reply, Fault fault, Effect effect, int code) {
  if (reply.fault == fault && reply.effect == effect && reply.cause.sqlite_code() == code) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "fault " << int{static_cast<std::uint8_t>(reply.fault)} << ", effect "
         << int{static_cast<std::uint8_t>(reply.effect)} << ", " << reply.cause.to_string();
}

class SinkFixture : public ::testing::Test {
 protected:
  // An open sink that the schema was run on; fails the test otherwise.
  void open(const std::string& schema = "") {
    options_.schema = schema;
    Result<std::unique_ptr<Sink>> opened = sqlite::open_sink(database_, options_);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    sink_ = *std::move(opened);
    statements_ = 0;
  }
  Status open_status() { return sqlite::open_sink(database_, options_).status(); }
  Status close_healthy() {
    const Status status = sink_->close(CloseMode::healthy);
    sink_.reset();
    return status;
  }

  Savepoints& savepoints() { return *sink_->savepoints(); }
  JobStatements& job_statements() { return *sink_->job_statements(); }

  Statement add(const std::string& sql, std::vector<Column> columns = {}) {
    const Status status = sink_->add_statement({sql, std::move(columns), {}});
    EXPECT_TRUE(status.ok()) << status.to_string();
    return Statement{statements_++};
  }
  template <class... Values>
  Reply apply(Statement statement, const Values&... values) {
    Row row;
    put(row, values...);
    return sink_->apply(statement, row.bytes());
  }
  template <class... Values>
  Reply execute(const std::string& sql, const Values&... values) {
    Row row;
    put(row, values...);
    return job_statements().execute(sql, row.bytes(), {});
  }
  void begin_with_first() {
    ASSERT_TRUE(succeeded(sink_->begin()));
    ASSERT_TRUE(succeeded(execute("INSERT INTO t(v) VALUES('first')")));
  }
  void commit_row(const std::string& value) {
    ASSERT_TRUE(succeeded(sink_->begin()));
    ASSERT_TRUE(succeeded(execute("INSERT INTO t(v) VALUES(?1)", value)));
    ASSERT_TRUE(succeeded(sink_->commit()));
  }
  // What a job would see inside the transaction.
  std::string inside(const std::string& sql) {
    std::string rows;
    const Reply reply = job_statements().execute(sql, Row().bytes(), [&](const ResultRow& row) {
      if (!rows.empty()) rows += ' ';
      for (std::size_t i = 0; i < row.columns(); ++i) {
        rows += (i == 0 ? "" : "|") + (row.is_null(i) ? "NULL" : std::string(row.text(i)));
      }
    });
    EXPECT_TRUE(reply.ok()) << reply.cause.to_string();
    return rows;
  }
  // What everybody else sees.
  std::string outside(const std::string& sql) { return query(database_, sql); }
  std::string recovered(const std::string& sql) { return test::recovered(database_, sql); }

  static constexpr const char* kTable = "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE)";

  TempDirectory directory_;
  std::filesystem::path database_ = directory_ / "test.db";
  JournalOptions options_;
  std::unique_ptr<Sink> sink_;
  std::uint16_t statements_ = 0;
};

}  // namespace onelane::test
