// The language of the engine's tests: a manual journal on a recording sink and a fake clock, its
// write classes, and words for the ends of units.
//
//   open();
//   Writes peers = add_class("peers");
//   Receipt one = peers.submit(1);
//   tick();
//   EXPECT_EQ(end_of(one), "committed");
//   EXPECT_EQ(committed(), "peers(1)");
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "onelane/onelane.h"
#include "tests/support/fake_clock.h"
#include "tests/support/recording_sink.h"

namespace onelane::test {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The result's value; the test fails if there is none.
template <class T>
T ok(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return std::move(result).value();
}

// A class and its two statements, both with the class's name for SQL and with the first column as
// the key: peers(integer) and peers(integer, text).
class Writes {
 public:
  Writes(WriteClass handle, Statement one, Statement two)
      : handle_(std::move(handle)), one_(one), two_(two) {}

  Receipt submit(std::int64_t key, const PushOptions& options = {}) {
    return ok(try_submit(key, options));
  }
  Receipt submit(std::int64_t key, const std::string& text) {
    return ok(handle_.submit(two_, row(key, text)));
  }
  Result<Receipt> try_submit(std::int64_t key, const PushOptions& options = {}) {
    return handle_.submit(one_, row(key), options);
  }
  Result<Outcome> try_write(std::int64_t key) { return handle_.write(one_, row(key)); }
  void push(std::int64_t key) { EXPECT_TRUE(try_push(key).ok()); }
  void push(std::int64_t key, const std::string& text) { EXPECT_TRUE(try_push(key, text).ok()); }
  Status try_push(std::int64_t key, const PushOptions& options = {}) {
    return handle_.push(one_, row(key), options);
  }
  Status try_push(std::int64_t key, const std::string& text) {
    return handle_.push(two_, row(key, text));
  }
  void push_all(std::int64_t first, std::int64_t last) {
    for (std::int64_t key = first; key <= last; ++key) push(key);
  }
  std::vector<Receipt> submit_all(std::int64_t first, std::int64_t last) {
    std::vector<Receipt> receipts;
    for (std::int64_t key = first; key <= last; ++key) receipts.push_back(submit(key));
    return receipts;
  }

  void add_to(Group& group, std::int64_t key) const { group.add(one_, row(key)); }
  Group group_of(const std::vector<std::int64_t>& keys) {
    Group group;
    for (const std::int64_t key : keys) add_to(group, key);
    return group;
  }
  void push_group(const std::vector<std::int64_t>& keys) {
    EXPECT_TRUE(handle_.push(group_of(keys)).ok());
  }
  Receipt submit_group(const std::vector<std::int64_t>& keys) {
    return ok(handle_.submit(group_of(keys)));
  }
  Receipt submit_job(StepFunction step, std::string name = "job") {
    return ok(handle_.submit(Job{.name = std::move(name), .step = std::move(step)}));
  }

  WriteClass& handle() { return handle_; }
  Statement one() const { return one_; }

 private:
  template <class... Values>
  static Row row(const Values&... values) {
    Row out;
    put(out, values...);
    return out;
  }

  WriteClass handle_;
  Statement one_;
  Statement two_;
};

class Lane : public ::testing::Test {
 protected:
  // Opening again ends the journal before and starts with a fresh sink.
  void open(JournalOptions options = {}) {
    if (journal_) renew_sink();
    options.drive = Drive::manual;
    options.clock = clock_;
    journal_.emplace(ok(Journal::open(std::make_unique<RecordingSink>(sink_), options)));
  }
  Writes add_class(std::string name, ClassOptions options = {}) {
    options.name = std::move(name);
    WriteClass handle = ok(journal_->add_class(options));
    const Column integer{ColumnType::integer}, text{ColumnType::text};
    const Statement one = ok(journal_->add_statement({options.name, {integer}, {0}}));
    const Statement two = ok(journal_->add_statement({options.name, {integer, text}, {0}}));
    return {std::move(handle), one, two};
  }

  TickReport tick() { return ok(journal_->tick()); }
  // Ticks until there is nothing more to do now.
  void run_ticks() {
    while (tick().more) {
    }
  }
  void advance(Duration by) { clock_->advance(by); }
  PushOptions expiring_in(Duration by) { return {.deadline = clock_->now() + by}; }

  static std::string end_of(const Receipt& receipt) {
    const std::optional<Outcome> outcome = receipt.poll();
    return outcome ? std::string(name(outcome->end)) : "in flight";
  }
  static std::string ends_of(const std::vector<Receipt>& receipts) {
    std::string out;
    for (const Receipt& receipt : receipts) out += (out.empty() ? "" : " ") + end_of(receipt);
    return out;
  }
  // The outcome of a settled receipt.
  static Outcome outcome_of(const Receipt& receipt) {
    EXPECT_NE(end_of(receipt), "in flight");
    return receipt.poll().value_or(Outcome{});
  }

  std::string calls() { return sink_->take_calls(); }
  std::string committed() { return sink_->take_committed(); }
  ClassStats stats_of(std::string_view name) {
    for (ClassStats& stats : journal_->stats().classes) {
      if (stats.name == name) return stats;
    }
    ADD_FAILURE() << "no class " << name;
    return {};
  }

  // Closing runs ticks, and the sink's handlers may refer to variables of the test's body.
  void TearDown() override { sink_->heal(); }
  virtual void renew_sink() {
    journal_.reset();
    sink_ = std::make_shared<Recording>(clock_.get());
  }

  std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>();
  std::shared_ptr<Recording> sink_ = std::make_shared<Recording>(clock_.get());
  std::optional<Journal> journal_;
};

// A lane whose tests look at ends and rows, not at the calls that led there.
class QuietLane : public Lane {
 protected:
  QuietLane() { sink_->calls_do_not_matter(); }

  void renew_sink() override {
    Lane::renew_sink();
    sink_->calls_do_not_matter();
  }
};

}  // namespace onelane::test
