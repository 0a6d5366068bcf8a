#include "onelane/onelane.h"

#include <optional>

#include "bench/contestants/makers.h"
#include "bench/contestants/sqlite.h"
#include "bench/kit/errors.h"
#include "bench/kit/required.h"

namespace onelane::bench {
namespace {

constexpr std::chrono::seconds kCloseTimeout(60);

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

class Lane : public Store {
 public:
  Lane(const StoreOptions& options, Promise promise)
      : options_(options), promise_(promise), journal_(open(options, promise)) {
    ClassOptions rows;
    rows.name = "rows";
    rows.promise = promise;
    rows.intake = promise == Promise::journaled;
    if (rows.intake) rows.gather = options.gather;
    class_ = required(journal_.add_class(rows), "adding the class");
    statement_ =
        required(journal_.add_statement(statement_spec<KeyValue>()), "adding the statement");
  }

  std::unique_ptr<Writer> writer() override {
    Producer<KeyValue> producer(*class_, statement_);
    if (options_.acknowledgement == Acknowledgement::not_waited_for) {
      return std::make_unique<Pusher>(std::move(producer));
    }
    if (promise_ == Promise::journaled) {
      return std::make_unique<JournaledCaller>(*class_, std::move(producer));
    }
    return std::make_unique<Caller>(std::move(producer));
  }

  void drain() override { require(journal_.flush(), "flushing the journal"); }
  std::uint64_t commits() const override { return journal_.stats().committed; }

  std::optional<IntakeUse> intake() const override {
    if (promise_ != Promise::journaled) return std::nullopt;
    const JournalStats stats = journal_.stats();
    return IntakeUse{.units = stats.intake.units,
                     .groups = stats.intake.sync_ns.count(),
                     .written_bytes = stats.intake.written_bytes,
                     .padding_bytes = stats.intake.padding_bytes,
                     .log_bytes = stats.log.written_bytes,
                     .sync_us = static_cast<double>(stats.intake.sync_ns.p50()) / 1e3};
  }

  void close_and_read(const Visit& visit) override {
    require(journal_.close(kCloseTimeout).status, "closing the journal");
    read_database(options_.path, visit);
  }

 private:
  class Caller : public Writer {
   public:
    explicit Caller(Producer<KeyValue> producer) : producer_(std::move(producer)) {}
    void write(std::span<const KeyValue> rows) override {
      Outcome outcome =
          required(rows.size() == 1 ? producer_.write(rows.front()) : producer_.write_group(rows),
                   "writing");
      if (!outcome.committed()) throw RunError("not committed: " + outcome.cause.to_string());
    }

   private:
    Producer<KeyValue> producer_;
  };

  class JournaledCaller : public Writer {
   public:
    JournaledCaller(WriteClass write_class, Producer<KeyValue> producer)
        : class_(std::move(write_class)), producer_(std::move(producer)) {}
    void write(std::span<const KeyValue> rows) override {
      (void)required(rows.size() == 1 ? producer_.journal(rows.front()) : journal_group(rows),
                     "journaling");
    }

   private:
    Result<Journaled> journal_group(std::span<const KeyValue> rows) {
      group_.clear();
      for (const KeyValue& row : rows) producer_.add_to(group_, row);
      return class_.journal(group_);
    }

    WriteClass class_;
    Producer<KeyValue> producer_;
    Group group_;
  };

  class Pusher : public Writer {
   public:
    explicit Pusher(Producer<KeyValue> producer) : producer_(std::move(producer)) {}
    void write(std::span<const KeyValue> rows) override {
      require(rows.size() == 1 ? producer_.push(rows.front()) : producer_.push_group(rows),
              "pushing");
    }

   private:
    Producer<KeyValue> producer_;
  };

  StoreOptions options_;
  Promise promise_;
  Journal journal_;
  std::optional<WriteClass> class_;
  Statement statement_;
};

class BesideReader : public Lane {
 public:
  explicit BesideReader(const StoreOptions& options)
      : Lane(options, Promise::committed), reader_(std::in_place, options.path, Access::read_only) {
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
  return std::make_unique<Lane>(options, Promise::committed);
}

std::unique_ptr<Store> make_durable(const StoreOptions& options) {
  StoreOptions normal = options;
  normal.synchronous = Synchronous::normal;
  return std::make_unique<Lane>(normal, Promise::durable);
}

std::unique_ptr<Store> make_journaled(const StoreOptions& options) {
  StoreOptions normal = options;
  normal.synchronous = Synchronous::normal;
  return std::make_unique<Lane>(normal, Promise::journaled);
}

std::unique_ptr<Store> make_traced(const StoreOptions& options) {
  StoreOptions with_trace = options;
  with_trace.trace = true;
  return std::make_unique<Lane>(with_trace, Promise::committed);
}

std::unique_ptr<Store> make_beside_reader(const StoreOptions& options) {
  return std::make_unique<BesideReader>(options);
}

}  // namespace onelane::bench
