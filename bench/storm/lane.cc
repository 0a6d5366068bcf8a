#include "bench/storm/lane.h"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "bench/kit/errors.h"
#include "bench/kit/required.h"
#include "bench/storm/lane_journal.h"
#include "bench/storm/outstanding.h"
#include "onelane/onelane.h"

namespace onelane::bench::storm {
namespace {

constexpr std::size_t kBatchesPerJob = 64;

Instant now() { return std::chrono::steady_clock::now(); }

// Nobody waits for the commit of what is journaled: it may gather, unless --class says how long.
void promise(ClassOptions& options, Promise promised) {
  constexpr std::chrono::milliseconds kGather(100);
  options.promise = promised;
  if (promised != Promise::journaled) return;
  options.intake = true;
  if (options.gather == Duration(0)) options.gather = kGather;
}

// The statements that the sources push records for.
struct Statements {
  Statement block, entry, link, connect, identify, domain;
};

template <Record T>
Statement add(Journal& journal) {
  return required(journal.add_statement(statement_spec<T>()), "adding a statement");
}

// What one thread has submitted and not yet seen the end of, oldest first.
class Window {
 public:
  explicit Window(Ledger& ledger) : ledger_(ledger) {}

  void add(Outstanding one) { waiting_.push_back(std::move(one)); }

  void settle_ready() {
    while (!waiting_.empty()) {
      Outstanding& first = waiting_.front();
      std::optional<Outcome> outcome = first.receipt.poll();
      if (!outcome) return;
      settle(first.mark, first.intended, *outcome, ledger_);
      waiting_.pop_front();
    }
  }

  void settle_all() {
    for (Outstanding& one : waiting_) {
      Result<Outcome> outcome = one.receipt.wait();
      if (outcome)
        settle(one.mark, one.intended, *outcome, ledger_);
      else
        refuse(one.mark.source, one.intended, outcome.status(), ledger_);
    }
    waiting_.clear();
  }

 private:
  Ledger& ledger_;
  std::deque<Outstanding> waiting_;
};

// A reconciliation. Shared by the thread that submits it and the lane, one after the other.
struct SyncJob {
  SyncWriter writer;
  std::vector<std::uint64_t> batches;
  UnitsInSteps written;  // of as many batches as the writer takes at once

  Result<Step> step(Transaction& transaction) {
    const std::size_t units = (batches.size() + writer.batches - 1) / writer.batches;
    return written.step(transaction, units, [&](std::size_t at) {
      const auto left = std::span<const std::uint64_t>(batches).subspan(at * writer.batches);
      return writer.write(transaction, left.first(std::min(left.size(), writer.batches)));
    });
  }

  std::size_t committed(const Outcome& outcome) const {
    return std::min(batches.size(), written.committed(outcome) * writer.batches);
  }
};

Status write_rows(Transaction& transaction, std::span<const std::uint64_t> batches) {
  for (const std::uint64_t batch : batches) {
    for (std::uint32_t row = 0; row < kSyncRowsPerBatch; ++row) {
      const Result<std::uint64_t> changed = transaction.execute(sync_row(batch, row));
      if (!changed) return changed.status();
    }
  }
  return {};
}

class Lane : public Strategy {
 public:
  Lane(const StormOptions& options, Promise promised, LaneStore store)
      : journal_(std::move(store.journal)),
        settings_(store.settings),
        sync_(store.sync),
        promised_(promised) {
    for (Source source : kAllSources) {
      ClassOptions one = options.classes[index(source)];
      if (source == kConnect) promise(one, promised);
      classes_.push_back(required(journal_.add_class(one), "adding a class"));
    }
    statements_ = {add<BlockRow>(journal_),   add<EntryRow>(journal_),    add<LinkRow>(journal_),
                   add<ConnectRow>(journal_), add<IdentifyRow>(journal_), add<DomainRow>(journal_)};
  }

  std::function<void(const Due&)> caller(Ledger& ledger) override {
    struct Producers {
      Producer<ConnectRow> connect;
      Producer<IdentifyRow> identify;
      Producer<DomainRow> domains;
    };
    auto producers = std::make_shared<Producers>(Producers{{of(kConnect), statements_.connect},
                                                           {of(kIdentify), statements_.identify},
                                                           {of(kDomains), statements_.domain}});
    return [this, producers, &ledger](const Due& due) {
      switch (due.arrival.source) {
        case kConnect:
          return connect(due, producers->connect, ledger);
        case kIdentify:
          return watch(due, producers->identify.submit(identify_row(due.arrival)), ledger);
        default:
          return watch(due, producers->domains.submit(domain_row(due.arrival)), ledger);
      }
    };
  }

  void write_blobs(Feed& feed, Ledger& ledger) override {
    Window window(ledger);
    Producer<BlockRow> blocks(of(kBlobs), statements_.block);
    Producer<EntryRow> entries(of(kBlobs), statements_.entry);
    Producer<LinkRow> links(of(kBlobs), statements_.link);
    WriteClass blobs = of(kBlobs);
    Group group;
    while (!feed.stopping()) {
      feed.wait();
      std::uint64_t number = feed.next_block();
      Instant arrived = now();
      BlobRows rows = blob_rows(feed.input(), number);
      group.clear();
      if (rows.block) blocks.add_to(group, *rows.block);
      entries.add_to(group, rows.entry);
      links.add_to(group, rows.link);
      Result<Receipt> receipt = blobs.submit(group);
      if (receipt)
        window.add({{kBlobs, 0, number, 0}, arrived, std::move(*receipt)});
      else
        refuse(kBlobs, arrived, receipt.status(), ledger);
      window.settle_ready();
    }
    window.settle_all();
  }

  void write_sync(Feed& feed, Ledger& ledger) override {
    while (!feed.stopping()) {
      auto job = std::make_shared<SyncJob>();
      job->writer = sync_;
      std::vector<Instant> arrived;
      while (job->batches.size() < kBatchesPerJob && !feed.stopping()) {
        feed.wait();
        job->batches.push_back(feed.next_batch());
        arrived.push_back(now());
      }
      if (!job->batches.empty()) run_job(job, arrived, ledger);
    }
  }

  void give_up() override { storm::give_up(journal_); }

  void finish(Ledger& ledger) override {
    stats_ = storm::finish(journal_, watcher_, ledger);
    for (Source source : kAllSources) {
      ledger.of(source).wait.merge(stats_.classes[index(source)].wait_ns);
    }
  }

  Pragmas pragmas() override { return pragmas_of(of(kSync), settings_); }

  std::optional<JournalStats> journal_stats() const override { return stats_; }

 private:
  WriteClass& of(Source source) { return classes_[index(source)]; }

  static Mark mark_of(const Arrival& arrival) {
    return {arrival.source, arrival.key, arrival.number, 0};
  }

  void connect(const Due& due, Producer<ConnectRow>& producer, Ledger& ledger) const {
    const ConnectRow row = connect_row(due.arrival);
    if (promised_ != Promise::journaled) return told(due, producer.write(row), ledger);
    Result<Journaled> journaled = producer.journal(row);
    if (!journaled) return refuse(kConnect, due.intended, journaled.status(), ledger);
    ledger.acknowledge(mark_of(due.arrival), 1, now() - due.intended);
  }

  void told(const Due& due, const Result<Outcome>& outcome, Ledger& ledger) const {
    if (!outcome) return refuse(due.arrival.source, due.intended, outcome.status(), ledger);
    if (promised_ == Promise::durable && outcome->committed() && !outcome->durable) {
      throw RunError("a write that was to be durable was acknowledged without");
    }
    settle(mark_of(due.arrival), due.intended, *outcome, ledger);
  }

  void watch(const Due& due, Result<Receipt> receipt, Ledger& ledger) {
    if (!receipt) return refuse(due.arrival.source, due.intended, receipt.status(), ledger);
    watcher_.watch({mark_of(due.arrival), due.intended, std::move(*receipt)});
  }

  // The sync waits for its job, and only then fetches what the next one writes.
  void run_job(const std::shared_ptr<SyncJob>& job, const std::vector<Instant>& arrived,
               Ledger& ledger) {
    constexpr std::uint64_t kRowBytes = 32;
    Job submitted{.name = "sync",
                  .step = [job](Transaction& transaction) { return job->step(transaction); },
                  .bytes_per_step = sync_.batches * kSyncRowsPerBatch * kRowBytes};
    Result<Receipt> receipt = of(kSync).submit(std::move(submitted));
    Result<Outcome> outcome = receipt ? receipt->wait() : Result<Outcome>(receipt.status());
    std::size_t committed = outcome ? job->committed(*outcome) : 0;
    Instant end = now();
    for (std::size_t i = 0; i < job->batches.size(); ++i) {
      if (i < committed) {
        ledger.acknowledge({kSync, 0, job->batches[i], 0}, 0, end - arrived[i]);
      } else {
        refuse(kSync, arrived[i], outcome ? outcome->cause : outcome.status(), ledger);
      }
    }
    if (outcome) ledger.add_rows(kSync, outcome->changes);
  }

  Journal journal_;
  Settings settings_;
  SyncWriter sync_;
  Promise promised_;                 // to a connect
  std::vector<WriteClass> classes_;  // by Source
  Statements statements_;
  Watcher watcher_;
  JournalStats stats_;
};

}  // namespace

JournalOptions journal_options(const StormOptions& options, Promise promised) {
  JournalOptions journal = options.journal;
  journal.synchronous = promised == Promise::committed ? options.synchronous : Synchronous::normal;
  if (promised == Promise::journaled && journal.intake.dead_letters.empty()) {
    journal.intake.dead_letters = "dead_letters";
  }
  return journal;
}

LaneStore file_store(const std::filesystem::path& database, JournalOptions options) {
  options.schema = kSchema;
  return {.journal = required(Journal::open(database, std::move(options)), "opening the journal"),
          .settings = {"PRAGMA", kPragmas},
          .sync = {1, write_rows}};
}

std::unique_ptr<Strategy> make_lane(const StormOptions& options, Promise promised,
                                    LaneStore store) {
  return std::make_unique<Lane>(options, promised, std::move(store));
}

}  // namespace onelane::bench::storm
