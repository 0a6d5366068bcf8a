// The sink that writes to a PostgreSQL server.
//
// All of a transaction is queued, and sent without waiting for an answer; what has to know one is a
// round trip: commit, jobs' statements, records with shelter or whose rows are wanted, rollback_to,
// and whatever wait_for_each() says. A failure of what came before it is told then.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onelane/sink.h"
#include "src/postgres/commits_table.h"
#include "src/postgres/positions_table.h"
#include "src/postgres/schema_version.h"
#include "src/postgres/sent_on.h"
#include "src/postgres/session.h"
#include "src/postgres/statements.h"

namespace onelane::inline v0::postgres {

class PostgresSink final : public Sink,
                           private Savepoints,
                           private JobStatements,
                           private PipelinedCalls,
                           private Watermark,
                           private AppliedPositions {
 public:
  PostgresSink(Conninfo conninfo, const Options& options);

  // Once, first.
  Status start();
  // Runs a schema's SQL in a transaction of its own.
  Status run_schema(const std::string& sql);

  Status add_statement(const StatementSpec& spec) override;
  Reply begin() override;
  Reply apply(Statement statement, std::span<const std::byte> row) override;
  Reply apply_returning(Statement statement, std::span<const std::byte> row,
                        std::vector<ReturnedRow>& returned) override;
  std::size_t apply_each(std::span<Application> records, Reply& failed) override;
  Reply verify() override;
  Reply commit() override;
  Reply rollback() override;
  Reply probe() override;
  bool commit_is_durable() const override {
    return session_.options().synchronous_commit != SynchronousCommit::off;
  }
  Status close(CloseMode mode) override;

  Savepoints* savepoints() noexcept override { return this; }
  JobStatements* job_statements() noexcept override { return this; }
  PipelinedCalls* pipelined_calls() noexcept override { return this; }
  SchemaVersion* schema_version() noexcept override { return &schema_; }
  Watermark* watermark() noexcept override { return this; }
  AppliedPositions* applied_positions() noexcept override { return this; }
  ServerSide* server_side() noexcept override { return &session_.view(); }

 private:
  Reply savepoint() override;
  Reply release() override;
  Reply rollback_to() override;
  Reply execute(std::string_view sql, std::span<const std::byte> row,
                const RowVisitor& visit) override;
  void end_step() override {}
  void wait_for_each(bool wait) override { waits_ = wait; }
  std::optional<std::size_t> failed_record() const noexcept override {
    return sent_on_.failed_record();
  }
  std::span<AppliedRecord> applied() noexcept override { return sent_on_.applied(); }
  Reply mark(std::uint64_t commit) override;
  std::uint64_t epoch() const noexcept override { return commits_.epoch(); }
  Result<std::uint64_t> commits_of(std::uint64_t epoch) override;
  Reply advance(const ClassProgress& progress) override;
  Reply bury(const DeadLetter& letter) override;
  Result<std::optional<IntakeMark>> mark() override { return positions_.mark(); }
  Status set_mark(const IntakeMark& mark) override;
  Result<std::vector<FoundProgress>> found() override { return positions_.found(); }
  bool buries() const noexcept override { return true; }

  Reply connect(CommitsTable::Found& found);
  Reply make_tables();
  Reply decide();
  Reply confirm();
  Reply ours(Reply reply);
  Reply sent();
  Reply apply_one(Statement statement, std::span<const std::byte> row, bool wants_returned,
                  std::vector<ReturnedRow>& returned);
  bool must_wait(std::span<const Application> records);
  std::size_t apply_chunk(std::span<Application> records, Reply& failed);
  std::size_t queue_chunk(std::span<Application> records, Reply& unsent);
  Reply queue(const Application& record);
  Reply take(Application& record, std::size_t n);
  Reply fill(const std::span<const std::byte> row);
  Reply exchange(std::size_t front);
  Reply reply_to(std::size_t at, Whose whose);
  Reply undo_statement(Reply reply);

  Session session_;
  Statements statements_;
  CommitsTable commits_;
  PositionsTable positions_;
  SchemaTable schema_;
  const std::string set_level_;  // in the transaction
  bool open_ = false;            // there is a transaction, whatever its state
  bool in_unit_ = false;         // and a savepoint in it
  bool in_step_ = false;         // of a job
  bool waits_ = false;           // for each answer
  bool tables_missing_ = false;
  SentOn sent_on_{statements_};
  Parameters parameters_;
  std::vector<ResultPtr> replies_;
  std::vector<std::size_t> reply_of_record_;  // its place in replies_, of a chunk's records
};

}  // namespace onelane::inline v0::postgres
