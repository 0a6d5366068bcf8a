#include "bench/contestants/lane.h"

#include "bench/kit/errors.h"
#include "bench/kit/required.h"

namespace onelane::bench {
namespace {

constexpr std::chrono::seconds kCloseTimeout(60);

class Caller : public Writer {
 public:
  explicit Caller(Producer<KeyValue> producer) : producer_(std::move(producer)) {}
  void write(std::span<const KeyValue> rows) override {
    Outcome outcome = required(
        rows.size() == 1 ? producer_.write(rows.front()) : producer_.write_group(rows), "writing");
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

}  // namespace

Lane::Lane(const StoreOptions& options, Promise promise, Place place)
    : options_(options), promise_(promise), place_(std::move(place)) {
  ClassOptions rows;
  rows.name = "rows";
  rows.promise = promise;
  rows.intake = promise == Promise::journaled;
  if (rows.intake) rows.gather = options.gather;
  class_ = required(place_.journal.add_class(rows), "adding the class");
  statement_ = required(place_.journal.add_statement(place_.upsert), "adding the statement");
}

std::unique_ptr<Writer> Lane::writer() {
  Producer<KeyValue> producer(*class_, statement_);
  if (options_.acknowledgement == Acknowledgement::not_waited_for) {
    return std::make_unique<Pusher>(std::move(producer));
  }
  if (promise_ == Promise::journaled) {
    return std::make_unique<JournaledCaller>(*class_, std::move(producer));
  }
  return std::make_unique<Caller>(std::move(producer));
}

void Lane::drain() { require(place_.journal.flush(), "flushing the journal"); }

std::uint64_t Lane::commits() const { return place_.journal.stats().committed; }

std::optional<IntakeUse> Lane::intake() const {
  if (promise_ != Promise::journaled) return std::nullopt;
  const JournalStats stats = place_.journal.stats();
  return IntakeUse{.units = stats.intake.units,
                   .groups = stats.intake.sync_ns.count(),
                   .written_bytes = stats.intake.written_bytes,
                   .padding_bytes = stats.intake.padding_bytes,
                   .log_bytes = stats.log.written_bytes,
                   .sync_us = static_cast<double>(stats.intake.sync_ns.p50()) / 1e3};
}

void Lane::close_and_read(const Visit& visit) {
  require(place_.journal.close(kCloseTimeout).status, "closing the journal");
  place_.read(visit);
}

}  // namespace onelane::bench
