#include <optional>

#include "bench/contestants/lane.h"
#include "bench/contestants/makers.h"
#include "bench/contestants/sqlite.h"
#include "bench/kit/required.h"

namespace onelane::bench {
namespace {

// Nobody waits for a commit of what is journaled: large ticks write each hot page once.
constexpr Budget kLargeTick{
    .records = 32'768, .bytes = 64 * kMiB, .hold = std::chrono::milliseconds(100)};

Journal open(const StoreOptions& options, Promise promise) {
  JournalOptions journal;
  journal.schema = schema_for(options.value_bytes);
  journal.synchronous = options.synchronous;
  journal.wal_limit_bytes = options.wal_limit_bytes;
  if (options.trace) journal.trace.path = options.path.string() + ".trace";
  if (promise == Promise::journaled) {
    journal.intake.dead_letters = "dead_letters";
    journal.tick = kLargeTick;
  }
  return required(Journal::open(options.path, journal), "opening the journal");
}

Lane::Place place(const StoreOptions& options, Promise promise) {
  return {.read = [path = options.path](const Store::Visit& visit) { read_database(path, visit); },
          .upsert = statement_spec<KeyValue>(),
          .journal = open(options, promise)};
}

class BesideReader : public Lane {
 public:
  explicit BesideReader(const StoreOptions& options)
      : Lane(options, Promise::committed, place(options, Promise::committed)),
        reader_(std::in_place, options.path, Access::read_only) {
    reader_->execute("BEGIN; SELECT count(*) FROM rows");
  }

  void close_and_read(const Visit& visit) override {
    reader_.reset();
    Lane::close_and_read(visit);
  }

 private:
  std::optional<Connection> reader_;
};

}  // namespace

std::unique_ptr<Store> make_onelane(const StoreOptions& options) {
  return std::make_unique<Lane>(options, Promise::committed, place(options, Promise::committed));
}

std::unique_ptr<Store> make_durable(const StoreOptions& options) {
  StoreOptions normal = options;
  normal.synchronous = Synchronous::normal;
  return std::make_unique<Lane>(normal, Promise::durable, place(normal, Promise::durable));
}

std::unique_ptr<Store> make_journaled(const StoreOptions& options) {
  StoreOptions normal = options;
  normal.synchronous = Synchronous::normal;
  return std::make_unique<Lane>(normal, Promise::journaled, place(normal, Promise::journaled));
}

std::unique_ptr<Store> make_traced(const StoreOptions& options) {
  StoreOptions with_trace = options;
  with_trace.trace = true;
  return std::make_unique<Lane>(with_trace, Promise::committed,
                                place(with_trace, Promise::committed));
}

std::unique_ptr<Store> make_beside_reader(const StoreOptions& options) {
  return std::make_unique<BesideReader>(options);
}

}  // namespace onelane::bench
