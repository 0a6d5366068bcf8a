// Schemas on a PostgreSQL server.
#include <utility>

#include "bench/contestants/pg_schema.h"
#include "bench/kit/required.h"
#include "bench/storm/lane.h"
#include "bench/storm/pg_direct.h"
#include "bench/storm/pg_workload.h"
#include "bench/storm/place.h"

namespace onelane::bench::storm {
namespace {

// As many as fit a tick beside its own round trips where the server is 5 ms away.
constexpr std::size_t kBatchesPerStatement = 8;

class PgReaderRows : public Rows {
 public:
  PgReaderRows(PgConnection& connection, const std::string& sql) : rows_(connection, sql) {}

  bool next() override { return rows_.next(); }
  std::int64_t integer(int column) const override { return rows_.integer(column); }
  std::string_view text(int column) const override { return rows_.text(column); }
  std::span<const std::byte> blob(int column) const override { return rows_.blob(column); }

 private:
  PgRows rows_;
};

class PgReader : public Reader {
 public:
  explicit PgReader(PgConnection& connection) : connection_(connection) {}

  std::unique_ptr<Rows> rows(const std::string& sql) override {
    return std::make_unique<PgReaderRows>(connection_, sql);
  }
  std::string damage() override { return ""; }

 private:
  PgConnection& connection_;
};

Status write_batches(Transaction& transaction, std::span<const std::uint64_t> batches) {
  return transaction.execute(sync_rows(batches)).status();
}

// An intake needs commits that are durable.
Synchronous level_of(StrategyKind kind, const StormOptions& options) {
  return kind == StrategyKind::journaled ? Synchronous::full : options.synchronous;
}

class PgPlace : public Place {
 public:
  PgPlace(const StormOptions& options, std::filesystem::path database)
      : options_(options), database_(std::move(database)) {}

  std::unique_ptr<Strategy> open(StrategyKind kind) override {
    schema_.emplace(StoreOptions{.synchronous = level_of(kind, options_),
                                 .postgres = options_.postgres,
                                 .added_round_trip = options_.added_round_trip},
                    kPgSchema);
    if (kind == StrategyKind::direct) return make_pg_direct(options_, schema_->conninfo(), 0);
    if (kind == StrategyKind::pool) {
      return make_pg_direct(options_, schema_->conninfo(), kPgPoolSize);
    }
    return make_lane(options_, promised(kind), store(kind));
  }

  std::unique_ptr<Reader> reader() override { return std::make_unique<PgReader>(schema_->owner()); }

 private:
  LaneStore store(StrategyKind kind) {
    JournalOptions journal = journal_options(options_, promised(kind));
    if (kind == StrategyKind::journaled && journal.intake.folder.empty()) {
      journal.intake.folder = database_.string() + "-intake";
    }
    const postgres::Options sink = sink_options(level_of(kind, options_));
    return {.journal =
                required(postgres::open(schema_->conninfo(), journal, sink), "opening the journal"),
            .settings = {"SHOW", kPgSettings},
            .sync = {kBatchesPerStatement, write_batches}};
  }

  const StormOptions& options_;
  std::filesystem::path database_;
  std::optional<PgSchema> schema_;
};

}  // namespace

std::unique_ptr<Place> make_pg_place(const StormOptions& options,
                                     const std::filesystem::path& database) {
  return std::make_unique<PgPlace>(options, database);
}

}  // namespace onelane::bench::storm
