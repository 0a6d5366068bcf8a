// A sink that writes down every call of a transaction and answers as it is told, so that a test can
// say what a tick did, in order, and what the store would have done.
//
//   auto recording = std::make_shared<Recording>();
//   auto journal = Journal::open(std::make_unique<RecordingSink>(recording), options);
//   recording->fail_row("peers(2)", failure(Fault::record, Effect::undone));
//   ...
//   EXPECT_EQ(recording->take_calls(), "begin, apply peers(1), verify, commit");
//
// A row reads as its statement's SQL and its values: "peers(1, ada)". It fails the test when the
// engine breaks the sink's grammar, and when calls were left unexamined. Safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "onelane/sink.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sink_grammar.h"

namespace onelane::test {

// A failed reply as SQLite's would be, with the fault's Errc and a result code that fits.
Reply failure(Fault fault, Effect effect);

// What happened and what is to happen: the test's half of the sink.
class Recording {
 public:
  // With a clock, calls can be given a cost. It must outlive the sink.
  explicit Recording(FakeClock* clock = nullptr) : clock_(clock) {}
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording();

  // --- What is to happen. A queued reply comes before a row's, and that before a handler's.
  void reply_next(Call call, Reply reply, std::size_t times = 1);
  // Each apply or execute of that row.
  void fail_row(const std::string& row, Reply reply);
  void heal();  // forgets all of the above
  // Called with the row ("" for calls without one); its reply is the call's.
  void on(Call call, std::function<Reply(const std::string& row)> handler);
  // Moves the clock on every such call.
  void set_cost(Call call, Duration cost);
  void set_add_statement_status(Status status);
  void set_close_status(Status status);
  void set_durable();
  // Before the journal is opened: commits can be made durable by a sync.
  void set_can_sync();

  // --- What happened. Calls read as "begin, apply peers(1), verify, commit".
  std::string take_calls();      // since the last time; they count as examined
  void calls_do_not_matter();    // from now on, and until now
  std::string take_committed();  // the rows of successful commits since the last time: "a(1) a(2)"
  std::size_t commits() const;   // successful ones, so far
  std::optional<CloseMode> closed() const;

 private:
  friend class RecordingSink;  // and what it has nested

  Reply call(Call call, const std::string& row);
  Reply answer(Call call, const std::string& row);
  void take_effect(Call call, const std::string& row, const Reply& reply);
  void undo();

  FakeClock* const clock_;
  mutable std::mutex mutex_;  // of all below; never held while a handler runs

  std::array<std::deque<Reply>, kCallCount> queued_;
  std::map<std::string, Reply> bad_rows_;
  std::array<std::function<Reply(const std::string&)>, kCallCount> handlers_;
  std::array<Duration, kCallCount> costs_{};
  Status add_statement_status_;
  Status close_status_;
  bool durable_ = false;
  bool can_sync_ = false;

  std::vector<std::string> calls_;  // not examined yet
  bool calls_matter_ = true;
  SinkGrammar grammar_;
  std::optional<std::size_t> savepoint_;  // how much was pending when it was set
  std::vector<std::string> pending_;      // rows in the transaction
  std::vector<std::string> committed_;
  std::size_t commits_ = 0;
  std::optional<CloseMode> closed_;
};

class RecordingSink final : public Sink, private Savepoints, private JobStatements {
 public:
  explicit RecordingSink(std::shared_ptr<Recording> recording)
      : recording_(std::move(recording)), sync_(*recording_) {}

  Status add_statement(const StatementSpec& spec) override;
  Reply begin() override;
  Reply apply(Statement statement, std::span<const std::byte> row) override;
  Reply verify() override;
  Reply savepoint() override;
  Reply release() override;
  Reply rollback_to() override;
  Reply execute(std::string_view sql, std::span<const std::byte> row,
                const RowVisitor& visit) override;
  void end_step() override;
  Reply commit() override;
  Reply rollback() override;
  Reply probe() override;
  bool commit_is_durable() const override;
  CommitSync* commit_sync() noexcept override;
  Savepoints* savepoints() noexcept override { return this; }
  JobStatements* job_statements() noexcept override { return this; }
  Status close(CloseMode mode) override;

 private:
  class Sync final : public CommitSync {
   public:
    explicit Sync(Recording& recording) : recording_(recording) {}
    Reply sync() override { return recording_.call(Call::sync, {}); }

   private:
    Recording& recording_;
  };

  const std::shared_ptr<Recording> recording_;
  Sync sync_;
  std::vector<std::string> statements_;
};

}  // namespace onelane::test
