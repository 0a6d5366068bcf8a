#include "tests/conformance/suite/line.h"

#include <utility>

namespace onelane::inline v0::testing::conformance {

namespace {

Reply failed(Fault fault, Effect effect, const char* what) {
  Reply reply;
  reply.fault = fault;
  reply.effect = effect;
  reply.cause = {fault == Fault::busy ? Errc::locked : Errc::storage, what};
  return reply;
}

// Of a sink that answers no more. Nothing may be called durable then.
Reply lost() { return failed(Fault::sync, Effect::ended, "the line to the store is cut"); }
Status lost_status() { return {Errc::storage, "the line to the store is cut"}; }

}  // namespace

void Line::cut() {
  if (cut_) return;
  cut_ = true;
  if (closed_) return;
  (void)rollback();
  (void)close(CloseMode::poisoned);
}

Reply Line::begin() {
  if (begins_to_fail_ > 0) {
    --begins_to_fail_;
    return failed(begin_fault_, Effect::ended, "the suite fails this begin");
  }
  Reply reply = sink_->begin();
  open_ = reply.ok();
  return reply;
}

Reply Line::commit() {
  const CommitFate fate = std::exchange(fate_, CommitFate::passes);
  if (fate == CommitFate::passes || fate == CommitFate::lost_committed) {
    Reply reply = sink_->commit();
    if (!reply.ok()) fate_ = fate;  // of the next one: there was no commit
    if (reply.ok()) open_ = false;
    if (!reply.ok() || fate == CommitFate::passes) return reply;
  } else if (Reply reply = rollback(); !reply.ok()) {
    return reply;
  }
  if (fate == CommitFate::undone) {
    return failed(Fault::environment, Effect::ended, "the suite undoes this commit");
  }
  return failed(fate == CommitFate::unknown ? Fault::environment : Fault::sync, Effect::unknown,
                "the suite hides what came of this commit");
}

Reply Line::rollback() {
  if (!open_) return {};
  open_ = false;
  return sink_->rollback();
}

namespace {

class LineSavepoints final : public Savepoints {
 public:
  explicit LineSavepoints(Line& line) : line_(line) {}
  Reply savepoint() override { return line_.is_cut() ? lost() : part().savepoint(); }
  Reply release() override { return line_.is_cut() ? lost() : part().release(); }
  Reply rollback_to() override { return line_.is_cut() ? lost() : part().rollback_to(); }

 private:
  Savepoints& part() { return *line_.sink().savepoints(); }
  Line& line_;
};

class LineJobs final : public JobStatements {
 public:
  explicit LineJobs(Line& line) : line_(line) {}
  Reply execute(std::string_view sql, std::span<const std::byte> row,
                const RowVisitor& visit) override {
    return line_.is_cut() ? lost() : part().execute(sql, row, visit);
  }
  void end_step() override {
    if (!line_.is_cut()) part().end_step();
  }

 private:
  JobStatements& part() { return *line_.sink().job_statements(); }
  Line& line_;
};

class LinePipelining final : public PipelinedCalls {
 public:
  explicit LinePipelining(Line& line) : line_(line) {}
  void wait_for_each(bool wait) override {
    if (!line_.is_cut()) part().wait_for_each(wait);
  }
  std::optional<std::size_t> failed_record() const noexcept override {
    return line_.is_cut() ? std::nullopt : part().failed_record();
  }
  std::span<AppliedRecord> applied() noexcept override { return part().applied(); }

 private:
  PipelinedCalls& part() const { return *line_.sink().pipelined_calls(); }
  Line& line_;
};

class LineSchema final : public SchemaVersion {
 public:
  explicit LineSchema(Line& line) : line_(line) {}
  Result<std::int32_t> version() override {
    if (line_.is_cut()) return lost_status();
    return part().version();
  }
  Status start_migration() override {
    return line_.is_cut() ? lost_status() : part().start_migration();
  }
  Status end_migration() override {
    return line_.is_cut() ? lost_status() : part().end_migration();
  }
  Reply run(std::string_view sql) override { return line_.is_cut() ? lost() : part().run(sql); }
  Reply set_version(std::int32_t version) override {
    return line_.is_cut() ? lost() : part().set_version(version);
  }

 private:
  SchemaVersion& part() { return *line_.sink().schema_version(); }
  Line& line_;
};

class LineWatermark final : public Watermark {
 public:
  explicit LineWatermark(Line& line) : line_(line) {}
  Reply mark(std::uint64_t commit) override {
    return line_.is_cut() ? lost() : part().mark(commit);
  }
  std::uint64_t epoch() const noexcept override { return part().epoch(); }
  Result<std::uint64_t> commits_of(std::uint64_t epoch) override {
    if (line_.is_cut()) return lost_status();
    return part().commits_of(epoch);
  }

 private:
  Watermark& part() const { return *line_.sink().watermark(); }
  Line& line_;
};

class LinePositions final : public AppliedPositions {
 public:
  explicit LinePositions(Line& line) : line_(line) {}
  Reply advance(const ClassProgress& progress) override {
    return line_.is_cut() ? lost() : part().advance(progress);
  }
  Reply bury(const DeadLetter& letter) override {
    return line_.is_cut() ? lost() : part().bury(letter);
  }
  Result<std::optional<IntakeMark>> mark() override {
    if (line_.is_cut()) return lost_status();
    return part().mark();
  }
  Status set_mark(const IntakeMark& mark) override {
    return line_.is_cut() ? lost_status() : part().set_mark(mark);
  }
  Result<std::vector<FoundProgress>> found() override {
    if (line_.is_cut()) return lost_status();
    return part().found();
  }
  bool buries() const noexcept override { return part().buries(); }

 private:
  AppliedPositions& part() const { return *line_.sink().applied_positions(); }
  Line& line_;
};

class LineLog final : public Log {
 public:
  explicit LineLog(Line& line) : line_(line) {}
  LogState state() const noexcept override { return part().state(); }
  void look() noexcept override {
    if (!line_.is_cut()) part().look();
  }
  LogPass copy_back(std::uint64_t piece_bytes) override {
    return line_.is_cut() ? lost_pass() : part().copy_back(piece_bytes);
  }
  Reply write_out() override { return line_.is_cut() ? lost() : part().write_out(); }
  Reply sync() override { return line_.is_cut() ? lost() : part().sync(); }
  LogPass close_in() override { return line_.is_cut() ? lost_pass() : part().close_in(); }
  std::vector<LogReader> readers() const override {
    return line_.is_cut() ? std::vector<LogReader>() : part().readers();
  }
  LogLeft left() const override { return part().left(); }
  std::string_view hazard() const noexcept override { return part().hazard(); }

 private:
  static LogPass lost_pass() { return {.fault = Fault::sync, .cause = lost_status()}; }
  Log& part() const { return *line_.sink().log(); }
  Line& line_;
};

class LineSync final : public CommitSync {
 public:
  explicit LineSync(Line& line) : line_(line) {}
  Reply sync() override { return line_.is_cut() ? lost() : line_.sink().commit_sync()->sync(); }

 private:
  Line& line_;
};

}  // namespace

class LineSink final : public Sink {
 public:
  explicit LineSink(std::shared_ptr<Line> line) : line_(std::move(line)) {}

  Status add_statement(const StatementSpec& spec) override {
    return line_->cut_ ? lost_status() : sink().add_statement(spec);
  }
  Reply begin() override { return line_->cut_ ? lost() : line_->begin(); }
  Reply apply(Statement statement, std::span<const std::byte> row) override {
    return line_->cut_ ? lost() : sink().apply(statement, row);
  }
  Reply commit() override { return line_->cut_ ? lost() : line_->commit(); }
  Reply rollback() override { return line_->cut_ ? Reply() : line_->rollback(); }
  Reply apply_returning(Statement statement, std::span<const std::byte> row,
                        std::vector<ReturnedRow>& returned) override {
    return line_->cut_ ? lost() : sink().apply_returning(statement, row, returned);
  }
  Reply verify() override { return line_->cut_ ? lost() : sink().verify(); }
  std::size_t apply_each(std::span<Application> records, Reply& failed) override {
    if (!line_->cut_) return sink().apply_each(records, failed);
    failed = lost();
    return 0;
  }
  Reply probe() override {
    if (line_->cut_) return lost();
    if (line_->begins_to_fail_ > 0) return line_->begin();
    return sink().probe();
  }
  std::uint64_t foreign_changes() const override {
    if (!line_->cut_) foreign_changes_ = sink().foreign_changes();
    return foreign_changes_;
  }
  bool begins_log_anew() const override { return !line_->cut_ && sink().begins_log_anew(); }
  bool commit_is_durable() const override { return sink().commit_is_durable(); }
  Status close(CloseMode mode) override { return line_->cut_ ? lost_status() : line_->close(mode); }

  Savepoints* savepoints() noexcept override { return only_if(sink().savepoints(), savepoints_); }
  JobStatements* job_statements() noexcept override {
    return only_if(sink().job_statements(), jobs_);
  }
  PipelinedCalls* pipelined_calls() noexcept override {
    return only_if(sink().pipelined_calls(), pipelining_);
  }
  SchemaVersion* schema_version() noexcept override {
    return only_if(sink().schema_version(), schema_);
  }
  Watermark* watermark() noexcept override { return only_if(sink().watermark(), watermark_); }
  AppliedPositions* applied_positions() noexcept override {
    return only_if(sink().applied_positions(), positions_);
  }
  Log* log() noexcept override { return only_if(sink().log(), log_); }
  CommitSync* commit_sync() noexcept override { return only_if(sink().commit_sync(), sync_); }

 private:
  template <class Part, class Ours>
  static Part* only_if(const Part* theirs, Ours& ours) {
    return theirs == nullptr ? nullptr : &ours;
  }
  Sink& sink() const { return line_->sink(); }

  const std::shared_ptr<Line> line_;
  mutable std::uint64_t foreign_changes_ = 0;
  LineSavepoints savepoints_{*line_};
  LineJobs jobs_{*line_};
  LinePipelining pipelining_{*line_};
  LineSchema schema_{*line_};
  LineWatermark watermark_{*line_};
  LinePositions positions_{*line_};
  LineLog log_{*line_};
  LineSync sync_{*line_};
};

std::unique_ptr<Sink> make_line_sink(std::shared_ptr<Line> line) {
  return std::make_unique<LineSink>(std::move(line));
}

}  // namespace onelane::inline v0::testing::conformance
