// The language of cases that call the sink themselves, with no journal between.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "tests/conformance/suite/bench.h"

namespace onelane::inline v0::testing::conformance {

class Direct {
 public:
  explicit Direct(Bench& bench) : bench_(bench) { open(); }

  Sink& sink() { return *sink_; }
  // Another sink on the store that this one leaves.
  void reopen(CloseMode mode = CloseMode::healthy) {
    bench_.need(Ability::reopening);
    bench_.close_sink(mode);
    open();
  }

  // Outside a transaction.
  Statement add(const StatementSpec& spec) {
    bench_.expect_ok(sink_->add_statement(spec), "adding a statement");
    return Statement{.index = statements_++};
  }
  Reply apply(Statement statement, const Row& row) { return sink_->apply(statement, row.bytes()); }
  // Of the statement `put`.
  Reply apply(std::int64_t id, const std::string& text = "x") {
    return apply(put_, bench_.thing(id, text).row);
  }

  // Each call is answered at once.
  void begin() {
    begin_sending();
    if (PipelinedCalls* calls = sink_->pipelined_calls(); calls != nullptr) {
      calls->wait_for_each(true);
    }
  }
  // Calls may be sent on.
  void begin_sending() { bench_.expect_ok(sink_->begin(), "begin"); }
  void put(std::int64_t id, const std::string& text = "x") {
    bench_.expect_ok(apply(id, text), "applying thing " + std::to_string(id));
  }
  void verify() { bench_.expect_ok(sink_->verify(), "verify"); }
  void commit() { bench_.expect_ok(sink_->commit(), "commit"); }
  void rollback() { bench_.expect_ok(sink_->rollback(), "rollback"); }
  // A transaction with one thing.
  void commit_one(std::int64_t id) {
    begin();
    put(id);
    commit();
  }
  // Something refused, in an open transaction: rolls back unless only the statement was undone.
  // Whether the transaction is still open.
  bool goes_on_after(const Reply& refused) {
    bench_.expect_failed(refused, Fault::record, "what the store refuses");
    if (refused.effect == Effect::undone) return true;
    rollback();
    return false;
  }

 private:
  void open() {
    sink_ = &bench_.open_sink();
    statements_ = 0;
    put_ = add(bench_.specs().put());
  }

  Bench& bench_;
  Sink* sink_ = nullptr;
  std::uint16_t statements_ = 0;
  Statement put_;
};

}  // namespace onelane::inline v0::testing::conformance
