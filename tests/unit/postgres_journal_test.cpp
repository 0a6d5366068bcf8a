// A journal on a PostgreSQL server.
#include <chrono>

#include "tests/support/postgres_fixture.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

constexpr char kPeers[] = "CREATE TABLE IF NOT EXISTS peers(id bigint PRIMARY KEY, name text)";

StatementSpec insert_peer() {
  return {.sql = "INSERT INTO peers(id, name) VALUES($1, $2)",
          .columns = {{ColumnType::integer, false}, {ColumnType::text, true}}};
}

class PostgresJournal : public PostgresTest {
 protected:
  void open(postgres::Options options = {}, JournalOptions journal = {}) {
    options.schema = kPeers;
    auto opened = postgres::open(conninfo_, journal, options);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    journal_ = std::move(opened).value();
    peers_ = journal_.add_class({.name = "peers"}).value();
    insert_ = journal_.add_statement(insert_peer()).value();
  }

  Journal journal_;
  WriteClass peers_;
  Statement insert_;
};

TEST_F(PostgresJournal, AThousandRecordsArriveInOrder) {
  open();
  std::vector<Receipt> receipts;
  for (std::int64_t id = 1; id <= 1000; ++id) {
    receipts.push_back(peers_.submit(insert_, row(id, std::string_view("peer"))).value());
  }
  ASSERT_TRUE(journal_.flush(30s).ok());
  for (Receipt& each : receipts) EXPECT_TRUE(each.wait()->committed());
  EXPECT_EQ(ask("SELECT count(*), min(id), max(id) FROM peers"), "1000|1|1000");
  EXPECT_TRUE(journal_.close(5s).status.ok());
}

}  // namespace
}  // namespace onelane::test
