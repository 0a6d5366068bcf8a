// Any sink, as one that sends its calls on: they wait in a queue, and the sink beneath hears of
// them when a call waits for an answer, as over a wire. A failure then is of what failed first.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "onelane/sink.h"

namespace onelane::test {

class SendingSink final : public Sink,
                          private Savepoints,
                          private JobStatements,
                          private PipelinedCalls,
                          private Watermark,
                          private AppliedPositions {
 public:
  // Counts the round trips, if that is not null.
  explicit SendingSink(std::unique_ptr<Sink> sink, std::size_t* trips = nullptr)
      : sink_(std::move(sink)), trips_(trips) {}

  Status add_statement(const StatementSpec& spec) override { return sink_->add_statement(spec); }
  Reply begin() override {
    queue_.clear();
    applied_.clear();
    failed_.reset();
    wait_ = false;
    return sink_->begin();
  }
  Reply apply(Statement statement, std::span<const std::byte> row) override {
    Application one{.statement = statement, .row = row};
    Reply failed;
    return apply_each(std::span(&one, 1), failed) == 1 ? Reply() : failed;
  }
  Reply apply_returning(Statement statement, std::span<const std::byte> row,
                        std::vector<ReturnedRow>& /*returned*/) override {
    Application one{.statement = statement, .row = row, .wants_returned = true};
    Reply failed;
    return apply_each(std::span(&one, 1), failed) == 1 ? Reply() : failed;
  }
  std::size_t apply_each(std::span<Application> records, Reply& failed) override {
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].changes = 0;
      records[i].rowid.reset();
      records[i].returned.clear();
      const bool waits = records[i].shelter || wait_;
      if (waits && !(failed = flush()).ok()) return i;
      const std::size_t number = applied_.size();
      applied_.emplace_back();
      if (!waits) {
        send_record(records[i], number);
      } else if (!(failed = run(records[i], number)).ok()) {
        applied_.pop_back();
        return i;
      }
    }
    return records.size();
  }
  Reply verify() override {
    return send([this] { return sink_->verify(); });
  }
  Reply commit() override {
    if (Reply sent = flush(); !sent.ok()) return sent;
    return sink_->commit();
  }
  Reply rollback() override {
    queue_.clear();
    return sink_->rollback();
  }
  Reply probe() override { return sink_->probe(); }
  std::uint64_t foreign_changes() const override { return sink_->foreign_changes(); }
  bool begins_log_anew() const override { return sink_->begins_log_anew(); }
  bool commit_is_durable() const override { return sink_->commit_is_durable(); }
  Status close(CloseMode mode) override { return sink_->close(mode); }

  Savepoints* savepoints() noexcept override {
    return sink_->savepoints() == nullptr ? nullptr : this;
  }
  JobStatements* job_statements() noexcept override {
    return sink_->job_statements() == nullptr ? nullptr : this;
  }
  PipelinedCalls* pipelined_calls() noexcept override { return this; }
  SchemaVersion* schema_version() noexcept override { return sink_->schema_version(); }
  Log* log() noexcept override { return sink_->log(); }
  CommitSync* commit_sync() noexcept override { return sink_->commit_sync(); }
  Watermark* watermark() noexcept override {
    return sink_->watermark() == nullptr ? nullptr : this;
  }
  AppliedPositions* applied_positions() noexcept override {
    return sink_->applied_positions() == nullptr ? nullptr : this;
  }

 private:
  using Call = std::function<Reply()>;

  Reply send(Call call) {
    queue_.push_back({std::nullopt, std::move(call)});
    return wait_ ? flush() : Reply();
  }
  void send_record(const Application& record, std::size_t number) {
    std::vector<std::byte> row(record.row.begin(), record.row.end());
    queue_.push_back({number, [this, number, copy = record, row = std::move(row)]() mutable {
                        copy.row = row;
                        return run(copy, number);
                      }});
  }
  Reply run(Application& record, std::size_t number) {
    Reply failed;
    if (sink_->apply_each(std::span(&record, 1), failed) == 0) return failed;
    applied_[number] = {record.changes, record.rowid, record.returned};
    return {};
  }
  // All that waits, up to the first that fails.
  Reply flush() {
    if (trips_ != nullptr) ++*trips_;
    for (auto& [number, call] : std::exchange(queue_, {})) {
      Reply reply = call();
      if (reply.ok()) continue;
      failed_ = number;
      reply.effect = Effect::ended;
      return reply;
    }
    return {};
  }

  Reply savepoint() override {
    return send([this] { return sink_->savepoints()->savepoint(); });
  }
  Reply release() override {
    return send([this] { return sink_->savepoints()->release(); });
  }
  Reply rollback_to() override {
    if (Reply sent = flush(); !sent.ok()) return sent;
    return sink_->savepoints()->rollback_to();
  }
  Reply execute(std::string_view sql, std::span<const std::byte> row,
                const RowVisitor& visit) override {
    if (Reply sent = flush(); !sent.ok()) return sent;
    return sink_->job_statements()->execute(sql, row, visit);
  }
  void end_step() override { sink_->job_statements()->end_step(); }

  void wait_for_each(bool wait) override { wait_ = wait; }
  std::optional<std::size_t> failed_record() const noexcept override { return failed_; }
  std::span<AppliedRecord> applied() noexcept override { return applied_; }

  Reply mark(std::uint64_t commit) override {
    return send([this, commit] { return sink_->watermark()->mark(commit); });
  }
  std::uint64_t epoch() const noexcept override { return sink_->watermark()->epoch(); }
  Result<std::uint64_t> commits_of(std::uint64_t epoch) override {
    return sink_->watermark()->commits_of(epoch);
  }

  Reply advance(const ClassProgress& progress) override {
    if (Reply sent = flush(); !sent.ok()) return sent;
    return sink_->applied_positions()->advance(progress);
  }
  Reply bury(const DeadLetter& letter) override {
    if (Reply sent = flush(); !sent.ok()) return sent;
    return sink_->applied_positions()->bury(letter);
  }
  Result<std::optional<IntakeMark>> mark() override { return sink_->applied_positions()->mark(); }
  Status set_mark(const IntakeMark& mark) override {
    return sink_->applied_positions()->set_mark(mark);
  }
  Result<std::vector<FoundProgress>> found() override {
    return sink_->applied_positions()->found();
  }
  bool buries() const noexcept override { return sink_->applied_positions()->buries(); }

  const std::unique_ptr<Sink> sink_;
  std::size_t* const trips_;
  std::vector<std::pair<std::optional<std::size_t>, Call>> queue_;
  std::vector<AppliedRecord> applied_;
  std::optional<std::size_t> failed_;
  bool wait_ = false;
};

}  // namespace onelane::test
