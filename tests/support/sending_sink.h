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
    std::vector<ReturnedRow> none;
    return apply_one({.statement = statement, .row = row}, Unit::part, none);
  }
  Reply apply_returning(Statement statement, std::span<const std::byte> row,
                        std::vector<ReturnedRow>& returned) override {
    return apply_one({.statement = statement, .row = row, .wants_returned = true}, Unit::part,
                     returned);
  }
  std::size_t apply_each(std::span<Application> records, Reply& failed) override {
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].returned.clear();
      failed = apply_one(records[i], Unit::whole, records[i].returned);
      if (!failed.ok()) return i;
      records[i].changes = failed.changes;
      records[i].rowid = failed.rowid;
    }
    return records.size();
  }
  // A late failure is of the unit's last record.
  Reply verify() override {
    return send([this] { return sink_->verify(); }, last_record());
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
  // Whether a record is a unit by itself, which is verified, or a part of one.
  enum class Unit : std::uint8_t { whole, part };

  std::optional<std::size_t> last_record() const {
    return applied_.empty() ? std::nullopt : std::optional(applied_.size() - 1);
  }
  Reply send(Call call, std::optional<std::size_t> record = std::nullopt) {
    if (!wait_) {
      queue_.push_back({record, std::move(call)});
      return {};
    }
    Reply sent = flush();
    return sent.ok() ? call() : sent;
  }
  Reply apply_one(const Application& record, Unit unit, std::vector<ReturnedRow>& returned) {
    if (!record.shelter && !wait_) {
      const std::size_t number = applied_.size();
      std::vector<std::byte> row(record.row.begin(), record.row.end());
      queue_.push_back({number, [this, number, unit, copy = record, row = std::move(row)] {
                          Application sent = copy;
                          sent.row = row;
                          return run(std::move(sent), unit, applied_[number]);
                        }});
      applied_.emplace_back();
      return {};
    }
    if (Reply sent = flush(); !sent.ok()) return sent;
    AppliedRecord applied;
    Reply reply = run(record, unit, applied);
    if (!reply.ok()) return reply;
    returned.insert(returned.end(), applied.returned.begin(), applied.returned.end());
    reply.changes = applied.changes;
    reply.rowid = applied.rowid;
    applied_.push_back(std::move(applied));
    return reply;
  }
  Reply run(Application record, Unit unit, AppliedRecord& applied) {
    Reply reply;
    if (unit == Unit::part) {
      reply = record.wants_returned
                  ? sink_->apply_returning(record.statement, record.row, record.returned)
                  : sink_->apply(record.statement, record.row);
      record.changes = reply.changes;
      record.rowid = reply.rowid;
    } else if (sink_->apply_each(std::span(&record, 1), reply) == 1) {
      reply = {};
    }
    if (reply.ok()) applied = {record.changes, record.rowid, record.returned};
    return reply;
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
