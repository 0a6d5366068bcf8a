#include <fmt/format.h>

#include "bench/kit/errors.h"
#include "bench/kit/required.h"
#include "bench/run/strategy.h"
#include "bench/storm/lane_journal.h"
#include "bench/storm/outstanding.h"
#include "onelane/onelane.h"

namespace onelane::bench::run {
namespace {

Instant now() { return std::chrono::steady_clock::now(); }

StatementSpec spec_of(const RowSpec& row) {
  StatementSpec spec{.sql = row.sql, .key_columns = row.coalesce};
  for (const ColumnSpec& column : row.columns) spec.columns.push_back({column.type, false});
  return spec;
}

// Shared by the thread that submits it and the lane, one after the other.
struct UnitsJob {
  const Workload& workload;
  std::size_t source;
  std::vector<Unit> units;
  storm::UnitsInSteps written;
  Cells cells;

  Result<Step> step(Transaction& transaction) {
    return written.step(transaction, units.size(),
                        [&](std::size_t at) { return write(transaction, units[at].number); });
  }

  Status write(Transaction& transaction, std::uint64_t unit) {
    const std::vector<RowSpec>& rows = workload.sources[source].rows;
    for (std::size_t spec = 0; spec < rows.size(); ++spec) {
      for (std::uint64_t i = 0; i < rows[spec].count; ++i) {
        fill(cells, workload, {source, spec, unit * rows[spec].count + i});
        Result<std::uint64_t> changed = transaction.execute(rows[spec].sql, Values{cells});
        if (!changed) return changed.status();
      }
    }
    return {};
  }
};

class Lane;

class LaneWriter : public Writer {
 public:
  LaneWriter(Lane& lane, Ledger& ledger) : lane_(lane), ledger_(ledger) {}
  void serve(std::size_t source, std::span<const Unit> units) override;
  void serve_closed(std::size_t source, const Feed& feed) override;

 private:
  // What the writes of a unit have in common, of a row alone and of a group.
  template <class... What>
  void call(std::size_t source, const Unit& unit, const What&... what);
  void write(std::size_t source, const Unit& unit);
  void run_job(std::size_t source, std::span<const Unit> units);
  void told(std::size_t source, const Unit& unit, const Result<Outcome>& outcome);

  Lane& lane_;
  Ledger& ledger_;
  Row row_;
  Group group_;
  Cells cells_;
};

class Lane : public Strategy {
 public:
  Lane(const Workload& workload, const std::filesystem::path& database)
      : workload_(workload), journal_(open(workload, database)) {
    for (const ClassOptions& options : workload.classes) {
      classes_.push_back(
          required(journal_.add_class(options), fmt::format("adding the class {}", options.name)));
    }
    for (const SourceSpec& source : workload.sources) {
      std::vector<Statement>& statements = statements_.emplace_back();
      for (const RowSpec& row : source.rows) {
        statements.push_back(required(journal_.add_statement(spec_of(row)), "adding a statement"));
      }
    }
  }

  std::unique_ptr<Writer> writer(Ledger& ledger) override {
    return std::make_unique<LaneWriter>(*this, ledger);
  }

  void give_up() override { storm::give_up(journal_); }

  void finish(Ledger& ledger) override {
    stats_ = storm::finish(journal_, watcher_, ledger);
    for (std::size_t i = 0; i < workload_.sources.size(); ++i) {
      const ClassStats& own = stats_.classes[workload_.sources[i].write_class];
      ledger.of(source_of(i)).wait.merge(own.wait_ns);
    }
  }

  storm::Pragmas pragmas() override {
    const WriteClass* own = without_intake();
    return own == nullptr ? storm::Pragmas() : storm::pragmas_of(*own);
  }

  std::optional<JournalStats> journal_stats() const override { return stats_; }

 private:
  friend class LaneWriter;

  static Journal open(const Workload& workload, const std::filesystem::path& database) {
    JournalOptions options = workload.journal;
    options.schema = workload.schema;
    if (options.intake.dead_letters.empty()) options.intake.dead_letters = "dead_letters";
    return required(Journal::open(database, std::move(options)), "opening the journal");
  }

  // One that takes jobs; null if there is none.
  const WriteClass* without_intake() const {
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      if (!workload_.classes[i].intake) return &classes_[i];
    }
    return nullptr;
  }

  const Workload& workload_;
  Journal journal_;
  std::vector<WriteClass> classes_;                 // as the workload's
  std::vector<std::vector<Statement>> statements_;  // by source and row specification
  storm::Watcher watcher_;
  JournalStats stats_;
};

void LaneWriter::serve(std::size_t source, std::span<const Unit> units) {
  if (lane_.workload_.sources[source].job_units != 0) return run_job(source, units);
  for (const Unit& unit : units) write(source, unit);
}

void LaneWriter::serve_closed(std::size_t source, const Feed& feed) {
  const std::uint64_t wanted = lane_.workload_.sources[source].units_per_call();
  std::vector<Unit> units;
  while (!feed.over()) {
    units.push_back(feed.next());
    if (units.size() < wanted) continue;
    serve(source, units);
    units.clear();
  }
  if (!units.empty()) serve(source, units);
}

void LaneWriter::write(std::size_t source, const Unit& unit) {
  const std::vector<RowSpec>& rows = lane_.workload_.sources[source].rows;
  const bool alone = lane_.workload_.sources[source].rows_per_unit() == 1;
  group_.clear();
  for (std::size_t spec = 0; spec < rows.size(); ++spec) {
    for (std::uint64_t i = 0; i < rows[spec].count; ++i) {
      fill(cells_, lane_.workload_, {source, spec, unit.number * rows[spec].count + i});
      row_.clear();
      put(row_, Values{cells_});
      if (!alone) group_.add(lane_.statements_[source][spec], row_);
    }
  }
  if (alone) return call(source, unit, lane_.statements_[source][0], row_);
  call(source, unit, group_);
}

template <class... What>
void LaneWriter::call(std::size_t source, const Unit& unit, const What&... what) {
  const SourceSpec& spec = lane_.workload_.sources[source];
  const WriteClass& own = lane_.classes_[spec.write_class];
  const storm::Mark mark{source_of(source), 0, unit.number, 0};
  const auto accepted = [&](const Status& status) {
    if (!status.ok()) return storm::refuse(mark.source, unit.intended, status, ledger_);
    ledger_.acknowledge(mark, spec.rows_per_unit(), now() - unit.intended);
  };
  switch (spec.call) {
    case Call::push:
      return accepted(own.push(what...));
    case Call::journal: {
      const Result<Journaled> journaled = own.journal(what...);
      return accepted(journaled ? Status() : journaled.status());
    }
    case Call::submit: {
      Result<Receipt> receipt = own.submit(what...);
      if (!receipt) return accepted(receipt.status());
      return lane_.watcher_.watch({mark, unit.intended, std::move(*receipt)});
    }
    case Call::write:
      return told(source, unit, own.write(what...));
  }
}

void LaneWriter::told(std::size_t source, const Unit& unit, const Result<Outcome>& outcome) {
  if (!outcome) {
    return storm::refuse(source_of(source), unit.intended, outcome.status(), ledger_);
  }
  const ClassOptions& own = lane_.workload_.classes[lane_.workload_.sources[source].write_class];
  if (own.promise == Promise::durable && outcome->committed() && !outcome->durable) {
    throw RunError("a write that was to be durable was acknowledged without");
  }
  storm::settle({source_of(source), 0, unit.number, 0}, unit.intended, *outcome, ledger_);
}

// The caller waits for its job, and only then fetches what the next one writes.
void LaneWriter::run_job(std::size_t source, std::span<const Unit> units) {
  const SourceSpec& spec = lane_.workload_.sources[source];
  auto job = std::make_shared<UnitsJob>(
      UnitsJob{lane_.workload_, source, {units.begin(), units.end()}, {}, {}});
  Job submitted{.name = spec.name,
                .step = [job](Transaction& transaction) { return job->step(transaction); },
                .bytes_per_step = spec.job_bytes_per_step};
  Result<Receipt> receipt = lane_.classes_[spec.write_class].submit(std::move(submitted));
  const Result<Outcome> outcome = receipt ? receipt->wait() : Result<Outcome>(receipt.status());
  const std::size_t committed = outcome ? job->written.committed(*outcome) : 0;
  const Instant end = now();
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (i < committed) {
      ledger_.acknowledge({source_of(source), 0, units[i].number, 0}, 0, end - units[i].intended);
    } else {
      storm::refuse(source_of(source), units[i].intended,
                    outcome ? outcome->cause : outcome.status(), ledger_);
    }
  }
  if (outcome) ledger_.add_rows(source_of(source), outcome->changes);
}

}  // namespace

std::unique_ptr<Strategy> make_lane(const Workload& workload,
                                    const std::filesystem::path& database) {
  return std::make_unique<Lane>(workload, database);
}

}  // namespace onelane::bench::run
