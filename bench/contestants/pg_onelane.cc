#include "bench/contestants/lane.h"
#include "bench/contestants/makers.h"
#include "bench/contestants/pg_table.h"
#include "bench/kit/required.h"

namespace onelane::bench {

std::unique_ptr<Store> make_pg_onelane(const StoreOptions& options) {
  auto table = std::make_shared<PgTable>(options);
  // A tick's hold has its round trip in it.
  JournalOptions journal_options;
  journal_options.tick.hold = kDefaultTick.hold + 4 * options.added_round_trip;
  StatementSpec upsert = statement_spec<KeyValue>();
  upsert.sql = kPgUpsert;
  Journal journal = required(
      postgres::open(table->conninfo(), journal_options, sink_options(options.synchronous)),
      "opening the journal");
  return std::make_unique<Lane>(
      options, Promise::committed,
      Lane::Place{.read = [table](const Store::Visit& visit) { table->read(visit); },
                  .upsert = std::move(upsert),
                  .journal = std::move(journal)});
}

}  // namespace onelane::bench
