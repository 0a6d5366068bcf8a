#include "bench/storm/direct.h"

#include <optional>

#include "bench/kit/database.h"
#include "bench/storm/direct_transaction.h"

namespace onelane::bench::storm {
namespace {

Instant now() { return std::chrono::steady_clock::now(); }

// One thread's connection with all its statements prepared.
class Writer {
 public:
  Writer(const std::filesystem::path& path, Synchronous synchronous)
      : connection_(connect(path, synchronous)) {}

  DirectTransaction& transaction() { return transaction_; }

  int write(const Arrival& arrival) {
    switch (arrival.source) {
      case kConnect:
        return run(connect_, connect_row(arrival));
      case kIdentify:
        return run(identify_, identify_row(arrival));
      default:
        return run(domain_, domain_row(arrival));
    }
  }

  int write_block(const Input& input, std::uint64_t number) {
    BlobRows rows = blob_rows(input, number);
    int rc = rows.block ? run(block_, *rows.block) : SQLITE_DONE;
    if (rc == SQLITE_DONE) rc = run(entry_, rows.entry);
    return rc == SQLITE_DONE ? run(link_, rows.link) : rc;
  }

  int write_batch(std::uint64_t batch) {
    for (std::uint32_t row = 0; row < kSyncRowsPerBatch; ++row) {
      int rc = run(sync_, sync_row(batch, row));
      if (rc != SQLITE_DONE) return rc;
    }
    return SQLITE_DONE;
  }

 private:
  template <Record T>
  static int run(Query& query, const T& record) {
    query.bind_record(record);
    return query.run();
  }
  template <Record T>
  Query statement() {
    return connection_.prepare(RecordTraits<T>::sql);
  }

  Connection connection_;
  DirectTransaction transaction_{connection_};
  Query block_ = statement<BlockRow>();
  Query entry_ = statement<EntryRow>();
  Query link_ = statement<LinkRow>();
  Query sync_ = statement<SyncRow>();
  Query connect_ = statement<ConnectRow>();
  Query identify_ = statement<IdentifyRow>();
  Query domain_ = statement<DomainRow>();
};

class Direct : public Strategy {
 public:
  Direct(const StormOptions& options, std::filesystem::path database)
      : synchronous_(options.synchronous),
        hold_(options.direct_hold),
        database_(std::move(database)) {
    connect(database_, synchronous_).execute(std::string(kSchema));
  }

  std::function<void(const Due&)> caller(Ledger& ledger) override {
    auto writer = std::make_shared<Writer>(database_, synchronous_);
    return [this, writer, &ledger](const Due& due) { serve(due, *writer, ledger); };
  }

  void write_blobs(Feed& feed, Ledger& ledger) override {
    write_heavy(kBlobs, feed, ledger, [&feed](Writer& writer, std::uint64_t& number) {
      number = feed.next_block();
      return writer.write_block(feed.input(), number);
    });
  }

  void write_sync(Feed& feed, Ledger& ledger) override {
    write_heavy(kSync, feed, ledger, [&feed](Writer& writer, std::uint64_t& number) {
      number = feed.next_batch();
      return writer.write_batch(number);
    });
  }

  // Closing the last connection copies the log back.
  void finish(Ledger& /*ledger*/) override { Connection last(database_, Access::read_write); }

  Pragmas pragmas() override {
    Connection connection = connect(database_, synchronous_);
    return pragmas_of(connection);
  }

 private:
  struct Written {
    std::uint64_t number;
    Instant intended;
  };

  void serve(const Due& due, Writer& writer, Ledger& ledger) {
    const Arrival& arrival = due.arrival;
    int rc = writer.transaction().begin();
    std::uint64_t order = 0;
    if (rc == SQLITE_DONE) {
      order = next_order();
      rc = writer.transaction().end(writer.write(arrival), ledger);
    }
    Nanoseconds total = now() - due.intended;
    if (rc == SQLITE_DONE) {
      ledger.acknowledge({arrival.source, arrival.key, arrival.number, order},
                         writer.transaction().changed(), total);
    } else {
      ledger.refuse(arrival.source, refusal_of(rc), total, writer.transaction().error());
    }
  }

  // The transaction stays open while the thread waits for the next block, as in the daemon. `write`
  // takes the next number and writes it.
  template <class Write>
  void write_heavy(Source source, Feed& feed, Ledger& ledger, Write write) {
    Writer writer(database_, synchronous_);
    while (!feed.stopping()) {
      Instant wanted = now();
      int rc = writer.transaction().begin();
      if (rc != SQLITE_DONE) {
        ledger.refuse(source, refusal_of(rc), now() - wanted, writer.transaction().error());
        continue;
      }
      std::uint64_t order = next_order();
      std::vector<Written> written;
      Instant hold_until = now() + hold_;
      do {
        feed.wait();
        Written next{0, written.empty() ? wanted : now()};
        rc = write(writer, next.number);
        written.push_back(next);
      } while (rc == SQLITE_DONE && now() < hold_until && !feed.stopping());
      rc = writer.transaction().end(rc, ledger);
      settle(source, rc, order, written, writer, ledger);
    }
  }

  void settle(Source source, int rc, std::uint64_t order, const std::vector<Written>& written,
              Writer& writer, Ledger& ledger) {
    Instant end = now();
    for (const Written& one : written) {
      if (rc == SQLITE_DONE) {
        ledger.acknowledge({source, 0, one.number, order}, 0, end - one.intended);
      } else {
        ledger.refuse(source, refusal_of(rc), end - one.intended, writer.transaction().error());
      }
    }
    if (rc == SQLITE_DONE) ledger.add_rows(source, writer.transaction().changed());
  }

  // Taken while the write lock is held: the order of these numbers is the order of the commits.
  std::uint64_t next_order() { return order_.fetch_add(1, std::memory_order_relaxed) + 1; }

  Synchronous synchronous_;
  Nanoseconds hold_;
  std::filesystem::path database_;
  std::atomic<std::uint64_t> order_{0};
};

}  // namespace

std::unique_ptr<Strategy> make_direct(const StormOptions& options,
                                      const std::filesystem::path& database) {
  return std::make_unique<Direct>(options, database);
}

}  // namespace onelane::bench::storm
