// A server that is killed, stopped and started again, and connections that are cut, 1,000 times at
// random, while producers go on pushing: nothing is lost, nothing is applied twice.
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <thread>

#include "tests/support/cutting_proxy.h"
#include "tests/support/postgres_journal_fixture.h"
#include "tests/support/scale.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

// Of 1,000: cuts take some 15 ms, and what ends all of the server's processes half a second.
constexpr std::uint64_t kBackendsKilled = 15;
constexpr std::uint64_t kServersKilled = 5;
constexpr std::uint64_t kServersStopped = 10;

constexpr std::uint64_t kAtOnceEvery = 16;

constexpr std::size_t kProducers = 4;  // the last two share a class
const std::string kSocket = "/.s.PGSQL.5432";

// Times that no sound run comes near.
constexpr std::chrono::seconds kAtMost{60};

struct Figures {
  std::uint64_t cuts = 0;
  std::uint64_t backends_killed = 0;
  std::uint64_t servers_killed = 0;
  std::uint64_t servers_stopped = 0;
  std::map<std::string, std::uint64_t> ends;

  void print(const char* of) const {
    std::printf("%s: %llu cuts, %llu backends and %llu servers killed, %llu stopped;", of,
                static_cast<unsigned long long>(cuts),
                static_cast<unsigned long long>(backends_killed),
                static_cast<unsigned long long>(servers_killed),
                static_cast<unsigned long long>(servers_stopped));
    for (const auto& [end, units] : ends) {
      std::printf(" %s %llu", end.c_str(), static_cast<unsigned long long>(units));
    }
    std::printf("\n");
  }
};

// Pushes until it is told to stop: records, and each tenth unit a group of two. Each record has the
// next number.
class Producer {
 public:
  struct Unit {
    std::int64_t first;
    std::int64_t last;
    Receipt receipt;
  };

  Producer(std::int64_t name, WriteClass to, Statement insert, std::int64_t after)
      : name_(name), last_(after), to_(std::move(to)), insert_(insert) {
    thread_ = std::thread([this] { run(); });
  }
  ~Producer() { stop(); }
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::int64_t last() const noexcept { return last_; }
  std::vector<Unit>& units() noexcept { return units_; }

 private:
  static constexpr std::int64_t kBurst = 8;
  static constexpr std::int64_t kGroupEvery = 10;

  void run() {
    for (std::int64_t n = 0; !stop_; ++n) {
      const std::int64_t rows = n % kGroupEvery == 0 ? 2 : 1;
      Group group;
      Row row;
      for (std::int64_t i = 1; i <= rows; ++i) {
        row = Row();
        put(row, name_, last_ + i);
        group.add(insert_, row);
      }
      Result<Receipt> pushed = rows == 1 ? to_.submit(insert_, row) : to_.submit(group);
      if (pushed.ok()) {
        units_.push_back({last_ + 1, last_ + rows, *std::move(pushed)});
        last_ += rows;
      }
      if (!pushed.ok() || n % kBurst == 0) ::poll(nullptr, 0, 4);
    }
  }

  const std::int64_t name_;
  std::int64_t last_;
  WriteClass to_;
  const Statement insert_;
  std::vector<Unit> units_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class PostgresDisturbed : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    const std::string here = server_->conninfo();
    const std::string folder = here.substr(5, here.find(' ') - 5);
    proxy_.emplace(folder_.path().native() + kSocket, folder + kSocket);
    proxied_ = conninfo_;
    proxied_.replace(5, folder.size(), folder_.path().native());
  }
  void TearDown() override {
    producers_.clear();
    journal_ = {};
  }

  void open(Promise promise) {
    JournalOptions options;
    if (promise == Promise::journaled) {
      options.intake.folder = folder_ / "intake";
      options.intake.dead_letters = "dead";
    }
    // No key, so that what is applied twice is there twice.
    Result<Journal> opened = postgres::open(
        proxied_, options,
        {.schema = "CREATE TABLE IF NOT EXISTS arrived(producer bigint, id bigint CHECK (id % 1000 "
                   "<> 13), at bigint GENERATED ALWAYS AS IDENTITY)",
         .connect_timeout = 2s,
         .lock_timeout = 1s,
         .statement_timeout = 2s,
         .reply_timeout = 3s});
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    journal_ = *std::move(opened);
    std::vector<WriteClass> classes;
    for (const char* const each : {"calls", "logs", "bulk"}) {
      const bool intake = promise == Promise::journaled;
      classes.push_back(journal_
                            .add_class({.name = each,
                                        .guarantee = {.records = 200, .bytes = 256 * kKiB},
                                        .promise = promise,
                                        .intake = intake})
                            .value());
    }
    const Statement insert = journal_
                                 .add_statement({.sql = "INSERT INTO arrived VALUES($1, $2)",
                                                 .columns = {{ColumnType::integer, false},
                                                             {ColumnType::integer, false}}})
                                 .value();
    lasts_.resize(kProducers);
    for (std::size_t n = 0; n < kProducers; ++n) {
      producers_.push_back(std::make_unique<Producer>(static_cast<std::int64_t>(n),
                                                      classes[std::min(n, classes.size() - 1)],
                                                      insert, lasts_[n]));
    }
  }

  // Most come once there has been a commit since the one before: otherwise they hit connections
  // that are being made, for which the journal waits longer each time.
  void disturb(std::mt19937_64& random) {
    if (random() % kAtOnceEvery != 0) await_commit();
    const std::uint64_t drawn = random() % 1000;
    if (drawn < kBackendsKilled) return kill_backend();
    if (drawn < kBackendsKilled + kServersKilled) {
      ++figures_.servers_killed;
      return server_->restart(PostgresServer::How::killed);
    }
    if (drawn < kBackendsKilled + kServersKilled + kServersStopped) {
      ++figures_.servers_stopped;
      const bool fast = random() % 2 == 0;
      return server_->restart(fast ? PostgresServer::How::fast : PostgresServer::How::immediately);
    }
    cut(random);
  }
  void await_commit() {
    const std::uint64_t before = journal_.stats().committed;
    const auto deadline = steady_clock().now() + kAtMost;
    while (journal_.stats().committed == before && steady_clock().now() < deadline) {
      ::poll(nullptr, 0, 1);
    }
  }
  // At any byte of the next ticks, or of the connection that is being made.
  void cut(std::mt19937_64& random) {
    const bool to_server = random() % 2 == 0;
    const std::uint64_t reach = std::uint64_t{64} << random() % (to_server ? 8 : 6);
    const std::uint64_t before = proxy_->cuts();
    proxy_->cut_after(to_server ? CuttingProxy::Way::to_server : CuttingProxy::Way::to_client,
                      static_cast<std::int64_t>(random() % reach));
    const auto deadline = steady_clock().now() + kAtMost;
    while (proxy_->cuts() == before && steady_clock().now() < deadline) {
      ::poll(nullptr, 0, 1);
    }
    ASSERT_NE(proxy_->cuts(), before) << "the journal has stopped talking to the server";
    ++figures_.cuts;
  }
  // By SIGKILL, after which the server ends all the others, too, and recovers.
  void kill_backend() {
    const std::string asks =
        "SELECT coalesce(max(pid), 0) FROM pg_locks WHERE locktype = 'advisory' AND granted AND "
        "database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    int pid = 0;
    while (pid == 0) {
      try {
        pid = std::stoi(ask(asks));
      } catch (const std::runtime_error&) {  // it recovers from the one before
      }
      if (pid == 0) pause();
    }
    if (::kill(pid, SIGKILL) == 0) ++figures_.backends_killed;
  }

  // The producers end, and so does whatever is under way.
  void settle() {
    proxy_->cut_no_more();
    for (const auto& each : producers_) each->stop();
    ASSERT_TRUE(journal_.flush(kAtMost).ok());
  }
  void note_lasts() {
    for (std::size_t n = 0; n < producers_.size(); ++n) lasts_[n] = producers_[n]->last();
  }

  std::optional<CuttingProxy> proxy_;
  TempDirectory folder_;
  std::string proxied_;
  Journal journal_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<std::int64_t> lasts_;  // of each producer, in the openings before
  Figures figures_;
};

bool refused(std::int64_t id) { return id % 1000 == 13; }

TEST_F(PostgresDisturbed, WithAnIntakeWhatIsJournaledIsThereOnceInOrder) {
  std::mt19937_64 random(22);
  open(Promise::journaled);
  for (std::size_t n = 0; n < scaled(1000); ++n) ASSERT_NO_FATAL_FAILURE(disturb(random));
  settle();
  std::int64_t rows = 0;
  std::int64_t letters = 0;
  for (const auto& producer : producers_) {
    for (Producer::Unit& unit : producer->units()) {
      const Result<Outcome> outcome = unit.receipt.wait_for(kAtMost);
      ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
      ++figures_.ends[std::string(name(outcome->end))];
      const bool bad = refused(unit.first) || refused(unit.last);
      EXPECT_EQ(outcome->end, bad ? End::rejected : End::committed) << outcome->to_string();
      (bad ? letters : rows) += unit.last - unit.first + 1;
    }
  }
  figures_.print("with an intake");
  // Nothing twice: the numbers of each producer rise in the order of their arrival.
  EXPECT_EQ(ask("SELECT count(*), bool_and(id > before) FROM (SELECT id, lag(id, 1, 0) OVER "
                "(PARTITION BY producer ORDER BY at) AS before FROM arrived) AS r"),
            std::to_string(rows) + "|t");
  EXPECT_EQ(ask("SELECT count(*) FROM onelane_dead_letters"), std::to_string(letters));
}

// Each life ends while the server is killed, so that of some commits nobody can say at once whether
// they were carried out.
TEST_F(PostgresDisturbed, WithoutAnIntakeEachReceiptSettlesAndTheUnknownAreToldApart) {
  constexpr std::size_t kDisturbancesALife = 10;
  struct Unknown {
    std::int64_t producer, first, last;
    std::uint64_t epoch, commit;
  };
  std::mt19937_64 random(23);
  std::vector<Unknown> unknown;
  // What must be there, and no more: producer and number.
  std::vector<std::pair<std::int64_t, std::int64_t>> rows;
  for (std::size_t life = 0; life < scaled(20); ++life) {
    ASSERT_NO_FATAL_FAILURE(open(Promise::committed));
    const std::uint64_t epoch = journal_.stats().epoch;
    for (const Unknown& each : unknown) {
      if (journal_.commits_of(each.epoch).value() < each.commit) continue;
      for (std::int64_t id = each.first; id <= each.last; ++id) rows.push_back({each.producer, id});
    }
    unknown.clear();
    for (std::size_t n = 0; n < kDisturbancesALife; ++n) ASSERT_NO_FATAL_FAILURE(disturb(random));
    const bool ends_well = life + 1 == scaled(20);
    if (ends_well) settle();
    server_->stop(PostgresServer::How::killed);
    ++figures_.servers_killed;
    for (const auto& each : producers_) each->stop();
    (void)journal_.close(0s);
    server_->start();
    for (std::size_t producer = 0; producer < producers_.size(); ++producer) {
      for (Producer::Unit& unit : producers_[producer]->units()) {
        const std::optional<Outcome> outcome = unit.receipt.poll();
        ASSERT_TRUE(outcome.has_value());
        const auto name_of = static_cast<std::int64_t>(producer);
        ++figures_.ends[std::string(name(outcome->end))];
        if (outcome->end == End::unknown) {
          unknown.push_back({name_of, unit.first, unit.last, epoch, outcome->commit});
        }
        for (std::int64_t id = unit.first; outcome->committed() && id <= unit.last; ++id) {
          rows.push_back({name_of, id});
        }
      }
    }
    note_lasts();
    producers_.clear();
  }
  figures_.print("without an intake");
  EXPECT_TRUE(unknown.empty());
  EXPECT_GT(figures_.ends["committed"], 0U);
  // A few lives may have none.
  EXPECT_TRUE(figures_.ends["unknown"] != 0 || scaled(20) != 20);
  std::sort(rows.begin(), rows.end());
  std::string expected;
  for (const auto& [producer, id] : rows) {
    expected += (expected.empty() ? "" : " ") + std::to_string(producer) + '|' + std::to_string(id);
  }
  EXPECT_TRUE(ask("SELECT producer, id FROM arrived ORDER BY producer, id") == expected);
}

}  // namespace
}  // namespace onelane::test
