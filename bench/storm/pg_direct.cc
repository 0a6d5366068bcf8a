#include "bench/storm/pg_direct.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "bench/storm/pg_session.h"

namespace onelane::bench::storm {
namespace {

Instant now() { return std::chrono::steady_clock::now(); }

using Session = std::unique_ptr<PgSession>;

// The sessions of a pool that nobody has taken.
class Sessions {
 public:
  void give_back(Session session) {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(std::move(session));
    }
    returned_.notify_one();
  }
  Session take() {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !free_.empty(); });
    Session session = std::move(free_.back());
    free_.pop_back();
    return session;
  }

 private:
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<Session> free_;
};

class PgDirect : public Strategy {
 public:
  PgDirect(const StormOptions& options, std::string conninfo, std::size_t pool)
      : conninfo_(std::move(conninfo)), hold_(options.direct_hold), pooled_(pool != 0) {
    for (std::size_t i = 0; i < pool; ++i) pool_.give_back(connect());
  }

  std::function<void(const Due&)> caller(Ledger& ledger) override {
    auto lent = std::make_shared<Lent>(*this);
    return [lent, &ledger](const Due& due) {
      lent->use([&](PgSession& session) { serve(due, session, ledger); });
    };
  }

  void write_blobs(Feed& feed, Ledger& ledger) override {
    write_heavy(kBlobs, feed, ledger, [&feed](PgSession& session, std::uint64_t& number) {
      number = feed.next_block();
      return session.write_block(blob_rows(feed.input(), number));
    });
  }

  void write_sync(Feed& feed, Ledger& ledger) override {
    write_heavy(kSync, feed, ledger, [&feed](PgSession& session, std::uint64_t& number) {
      number = feed.next_batch();
      return session.write_batch(number);
    });
  }

  void finish(Ledger& /*ledger*/) override {}

  Pragmas pragmas() override {
    PgConnection connection(conninfo_);
    Pragmas settings;
    for (const std::string_view name : kPgSettings) {
      settings.emplace_back(name, connection.ask(fmt::format("SHOW {}", name)));
    }
    return settings;
  }

 private:
  // A thread's own session; in a pool, one for each use.
  class Lent {
   public:
    explicit Lent(PgDirect& of) : of_(of), own_(of.pooled_ ? nullptr : of.connect()) {}

    template <class Function>
    void use(Function function) {
      if (own_) return function(*own_);
      Session session = of_.pool_.take();
      // A session that failed comes back, too: the next use of it fails as well.
      try {
        function(*session);
      } catch (...) {
        of_.pool_.give_back(std::move(session));
        throw;
      }
      of_.pool_.give_back(std::move(session));
    }

   private:
    PgDirect& of_;
    Session own_;
  };

  // What a heavy thread writes in one transaction.
  struct Batch {
    struct Written {
      std::uint64_t number;
      Instant intended;
    };
    std::vector<Written> written;
    std::uint64_t rows = 0;
  };

  Session connect() const { return std::make_unique<PgSession>(conninfo_); }

  static void serve(const Due& due, PgSession& session, Ledger& ledger) {
    const Arrival& arrival = due.arrival;
    const Instant begun = now();
    try {
      // In the order of the commits of that peer: its row is locked until then.
      const bool identify = arrival.source == kIdentify;
      const std::uint64_t order = identify ? session.write_identify(arrival) : 0;
      const std::uint64_t rows = identify ? 1 : session.write(arrival);
      ledger.acknowledge({arrival.source, arrival.key, arrival.number, order}, rows,
                         now() - due.intended);
    } catch (const PgRefused& refused) {
      ledger.refuse(arrival.source, refused.why, now() - due.intended, refused.text);
    }
    ledger.held(now() - begun);
  }

  // As direct does on SQLite: the transaction stays open while the thread waits for what is next.
  // `write` takes the next number and writes it.
  template <class Write>
  void write_heavy(Source source, Feed& feed, Ledger& ledger, Write write) {
    Lent lent(*this);
    while (!feed.stopping()) {
      const Instant wanted = now();
      lent.use([&](PgSession& session) {
        const Instant begun = now();
        Batch batch;
        const auto end_all = [&](const PgRefused* refused) {
          settle(source, batch, refused, ledger);
          ledger.held(now() - begun);
        };
        try {
          session.begin();
          do {
            feed.wait();
            batch.written.push_back({0, batch.written.empty() ? wanted : now()});
            batch.rows += write(session, batch.written.back().number);
          } while (now() < begun + hold_ && !feed.stopping());
          session.commit();
        } catch (const PgRefused& refused) {
          session.roll_back();
          return end_all(&refused);
        }
        end_all(nullptr);
      });
    }
  }

  static void settle(Source source, const Batch& batch, const PgRefused* refused, Ledger& ledger) {
    const Instant end = now();
    for (const Batch::Written& one : batch.written) {
      if (refused == nullptr) {
        ledger.acknowledge({source, 0, one.number, 0}, 0, end - one.intended);
      } else {
        ledger.refuse(source, refused->why, end - one.intended, refused->text);
      }
    }
    if (refused == nullptr) ledger.add_rows(source, batch.rows);
  }

  std::string conninfo_;
  Nanoseconds hold_;
  bool pooled_;
  Sessions pool_;
};

}  // namespace

std::unique_ptr<Strategy> make_pg_direct(const StormOptions& options, const std::string& conninfo,
                                         std::size_t pool) {
  return std::make_unique<PgDirect>(options, conninfo, pool);
}

}  // namespace onelane::bench::storm
