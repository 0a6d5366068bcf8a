#include "bench/storm/direct_transaction.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>

#include "bench/storm/strategy.h"

namespace onelane::bench::storm {
namespace {

constexpr std::chrono::seconds kBusyTimeout(10);

Instant now() { return std::chrono::steady_clock::now(); }

}  // namespace

Connection connect(const std::filesystem::path& path, Synchronous synchronous) {
  Connection connection(path, Access::read_write);
  connection.busy_timeout(kBusyTimeout);
  connection.execute(journal_pragmas(synchronous, kCheckpointFrames));
  return connection;
}

Pragmas pragmas_of(Connection& connection) {
  Pragmas pragmas;
  for (std::string_view pragma : kPragmas) {
    pragmas.emplace_back(pragma, connection.single_text(fmt::format("PRAGMA {}", pragma)));
  }
  return pragmas;
}

Refusal refusal_of(int rc) {
  constexpr int kPrimaryCode = 0xFF;
  return (rc & kPrimaryCode) == SQLITE_BUSY ? Refusal::busy : Refusal::failed;
}

DirectTransaction::DirectTransaction(Connection& connection) : connection_(connection) {}

int DirectTransaction::begin() {
  const int rc = begin_.run();
  error_ = rc == SQLITE_DONE ? "" : connection_.error();
  held_since_ = now();
  changes_before_ = connection_.changes();
  return rc;
}

int DirectTransaction::end(int rc, Ledger& ledger) {
  if (rc == SQLITE_DONE) rc = commit_.run();
  if (rc != SQLITE_DONE) {
    error_ = connection_.error();
    if (connection_.in_transaction()) rollback_.run();
  }
  ledger.held(now() - held_since_);
  return rc;
}

}  // namespace onelane::bench::storm
