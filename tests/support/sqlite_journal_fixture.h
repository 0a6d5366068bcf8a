// The language of tests of a journal on real SQLite: moved by hand, on a clock that stands still,
// on a database of its own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "onelane/onelane.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {

// For EXPECT_TRUE, with the status as the message.
inline ::testing::AssertionResult succeeded(const Status& status) {
  if (status.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << status.to_string();
}
template <class T>
::testing::AssertionResult succeeded(const Result<T>& result) {
  return succeeded(result.status());
}

// The code and each of the parts in the message.
inline ::testing::AssertionResult says(const Status& status, Errc code,
                                       const std::vector<std::string>& parts) {
  bool all = status.code() == code;
  for (const std::string& part : parts) {
    all = all && status.message().find(part) != std::string::npos;
  }
  if (all) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "it says: " << status.to_string();
}

class SqliteJournalFixture : public ::testing::Test {
 protected:
  SqliteJournalFixture() {
    options_.drive = Drive::manual;
    options_.clock = clock_;
    options_.tick = {.records = 4096, .bytes = 64 * kMiB, .hold = std::chrono::seconds(10)};
  }

  // An open journal with a class "writes"; fails the test otherwise.
  void open(const std::string& schema = "") {
    options_.schema = schema;
    Result<Journal> opened = Journal::open(database_, options_);
    ASSERT_TRUE(succeeded(opened));
    journal_.emplace(*std::move(opened));
    writes_.emplace(add_class({.name = "writes", .guarantee = {.records = 512, .bytes = kMiB}}));
  }
  CloseReport close() { return journal_->close(std::chrono::seconds(10)); }

  WriteClass add_class(const ClassOptions& options) {
    Result<WriteClass> added = journal_->add_class(options);
    EXPECT_TRUE(succeeded(added));
    return *std::move(added);
  }
  Statement add(const std::string& sql, std::vector<Column> columns = {}) {
    Result<Statement> added = journal_->add_statement({sql, std::move(columns), {}});
    EXPECT_TRUE(succeeded(added));
    return added.ok() ? *added : Statement{};
  }

  template <class... Values>
  Receipt submit(Statement statement, const Values&... values) {
    Row row;
    put(row, values...);
    return accepted(writes_->submit(statement, row));
  }
  Receipt submit(const Group& group) { return accepted(writes_->submit(group)); }
  Receipt submit_job(StepFunction step) {
    return accepted(writes_->submit(Job{.name = "work", .step = std::move(step)}));
  }

  TickReport tick() {
    Result<TickReport> report = journal_->tick();
    EXPECT_TRUE(succeeded(report));
    return report.ok() ? *report : TickReport{};
  }
  void run() {
    while (tick().more) {
    }
  }
  // What became of it in the ticks that follow.
  Outcome outcome(Receipt receipt) {
    run();
    return settled(receipt);
  }
  template <class... Values>
  Outcome write(Statement statement, const Values&... values) {
    return outcome(submit(statement, values...));
  }

  static Outcome settled(const Receipt& receipt) {
    std::optional<Outcome> outcome;
    if (receipt.valid()) outcome = receipt.poll();
    EXPECT_TRUE(outcome.has_value()) << "not settled";
    return outcome.value_or(Outcome{});
  }
  // What everybody else sees.
  std::string outside(const std::string& sql) { return query(database_, sql); }

  TempDirectory directory_;
  std::filesystem::path database_ = directory_ / "test.db";
  std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>();
  JournalOptions options_;
  std::optional<Journal> journal_;
  std::optional<WriteClass> writes_;

 protected:
  static Receipt accepted(Result<Receipt> receipt) {
    EXPECT_TRUE(succeeded(receipt));
    return receipt.ok() ? *std::move(receipt) : Receipt();
  }
};

}  // namespace onelane::test
