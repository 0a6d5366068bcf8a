#include "bench/kit/database.h"
#include "bench/run/bind.h"
#include "bench/run/strategy.h"
#include "bench/storm/direct_transaction.h"

namespace onelane::bench::run {
namespace {

Instant now() { return std::chrono::steady_clock::now(); }

Connection connect(const std::filesystem::path& path, const Workload& workload) {
  return storm::connect(path, workload.journal.synchronous);
}

class DirectWriter : public Writer {
 public:
  DirectWriter(const std::filesystem::path& path, const Workload& workload, Ledger& ledger)
      : workload_(workload), ledger_(ledger), connection_(connect(path, workload)) {
    for (const SourceSpec& source : workload.sources) {
      std::vector<Query>& queries = statements_.emplace_back();
      for (const RowSpec& row : source.rows) queries.push_back(connection_.prepare(row.sql));
    }
  }

  void serve(std::size_t source, std::span<const Unit> units) override {
    for (const Unit& unit : units) {
      int rc = transaction_.begin();
      if (rc == SQLITE_DONE) rc = transaction_.end(write(source, unit.number), ledger_);
      settle(source, rc, {&unit, 1});
    }
  }

  void serve_closed(std::size_t source, const Feed& feed) override {
    const Nanoseconds hold = workload_.sources[source].direct_hold;
    while (!feed.over()) {
      if (hold != Nanoseconds(0)) {
        serve_held(source, feed, hold);
      } else {
        const Unit unit = feed.next();
        serve(source, {&unit, 1});
      }
    }
  }

 private:
  // The transaction stays open while the thread waits for the next unit, as it does in many a
  // program. Its first unit was meant to start when the transaction was, and is written even if the
  // time was over before the lock came: else that wait would not count.
  void serve_held(std::size_t source, const Feed& feed, Nanoseconds hold) {
    const Instant wanted = now();
    int rc = transaction_.begin();
    if (rc != SQLITE_DONE) {
      return ledger_.refuse(source_of(source), storm::refusal_of(rc), now() - wanted,
                            transaction_.error());
    }
    const Instant hold_until = now() + hold;
    std::vector<Unit> written;
    do {
      Unit unit = feed.next();
      if (written.empty()) unit.intended = wanted;
      written.push_back(unit);
      rc = write(source, unit.number);
    } while (rc == SQLITE_DONE && now() < hold_until && !feed.over());
    settle(source, transaction_.end(rc, ledger_), written);
  }

  int write(std::size_t source, std::uint64_t unit) {
    const std::vector<RowSpec>& rows = workload_.sources[source].rows;
    for (std::size_t spec = 0; spec < rows.size(); ++spec) {
      for (std::uint64_t i = 0; i < rows[spec].count; ++i) {
        fill(cells_, workload_, {source, spec, unit * rows[spec].count + i});
        Query& query = statements_[source][spec];
        bind_cells(query, cells_);
        const int rc = query.run();
        if (rc != SQLITE_DONE && rc != SQLITE_ROW) return rc;
      }
    }
    return SQLITE_DONE;
  }

  void settle(std::size_t source, int rc, std::span<const Unit> units) {
    const Instant end = now();
    for (const Unit& unit : units) {
      if (rc == SQLITE_DONE) {
        ledger_.acknowledge({source_of(source), 0, unit.number, 0}, 0, end - unit.intended);
      } else {
        ledger_.refuse(source_of(source), storm::refusal_of(rc), end - unit.intended,
                       transaction_.error());
      }
    }
    if (rc == SQLITE_DONE) {
      ledger_.add_rows(source_of(source), transaction_.changed());
    }
  }

  const Workload& workload_;
  Ledger& ledger_;
  Connection connection_;
  storm::DirectTransaction transaction_{connection_};
  std::vector<std::vector<Query>> statements_;  // by source and row specification
  Cells cells_;
};

class Direct : public Strategy {
 public:
  Direct(const Workload& workload, std::filesystem::path database)
      : workload_(workload), database_(std::move(database)) {
    connect(database_, workload_).execute(workload_.schema);
  }

  std::unique_ptr<Writer> writer(Ledger& ledger) override {
    return std::make_unique<DirectWriter>(database_, workload_, ledger);
  }

  // Closing the last connection copies the log back.
  void finish(Ledger& /*ledger*/) override { Connection last(database_, Access::read_write); }

  storm::Pragmas pragmas() override {
    Connection connection = connect(database_, workload_);
    return storm::pragmas_of(connection);
  }

 private:
  const Workload& workload_;
  std::filesystem::path database_;
};

}  // namespace

std::unique_ptr<Strategy> make_direct(const Workload& workload,
                                      const std::filesystem::path& database) {
  return std::make_unique<Direct>(workload, database);
}

}  // namespace onelane::bench::run
