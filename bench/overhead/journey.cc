#include "bench/overhead/journey.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/kit/database.h"
#include "bench/kit/errors.h"
#include "bench/kit/keyed_row.h"
#include "bench/kit/labelled.h"
#include "onelane/journal.h"

namespace onelane::bench::overhead {
namespace {

constexpr std::array kNames{std::string_view("bare"), std::string_view("pushed"),
                            std::string_view("onelane")};

// Made before anything is counted.
class Rows {
 public:
  Rows(std::uint64_t first, std::uint64_t count) {
    keys_.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) keys_.push_back(key_text(first + i));
    value_.fill(std::byte{0x5a});
  }
  TextRow operator[](std::size_t i) const {
    return {std::string_view(keys_[i].data(), keys_[i].size()), value_};
  }

 private:
  std::vector<KeyText> keys_;
  std::array<std::byte, kValueBytes> value_{};
};

void expect(bool met, std::string_view what) {
  if (!met) throw RunError(fmt::format("the measured loop is not what it should be: {}", what));
}

}  // namespace

std::string_view name(Journey journey) noexcept {
  return kNames[static_cast<std::size_t>(journey)];
}

Journey journey_named(std::string_view name) {
  auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) throw UsageError(fmt::format("there is no journey '{}'", name));
  return static_cast<Journey>(found - kNames.begin());
}

extern "C" [[gnu::noinline]] void onelane_bench_counted_bare(Connection& connection,
                                                             const Rows& rows,
                                                             std::uint64_t count) {
  Query begin = connection.prepare("BEGIN IMMEDIATE");
  Query upsert = connection.prepare(RecordTraits<TextRow>::sql);
  Query commit = connection.prepare("COMMIT");
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i % kRowsPerTransaction == 0) expect(begin.run() == SQLITE_DONE, "BEGIN failed");
    upsert.bind_record(rows[i]);
    expect(upsert.run() == SQLITE_DONE, "a row was refused");
    if ((i + 1) % kRowsPerTransaction == 0) expect(commit.run() == SQLITE_DONE, "COMMIT failed");
  }
}

extern "C" [[gnu::noinline]] void onelane_bench_counted_pushed(Journal& journal,
                                                               Producer<TextRow>& producer,
                                                               const Rows& rows,
                                                               std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    expect(producer.push(rows[i]).ok(), "a push was refused");
    if ((i + 1) % kRowsPerTransaction == 0) expect(journal.tick().ok(), "a tick failed");
  }
}

extern "C" [[gnu::noinline]] void onelane_bench_counted_submitted(Journal& journal,
                                                                  Producer<TextRow>& producer,
                                                                  const Rows& rows,
                                                                  std::uint64_t count) {
  std::array<Receipt, kRowsPerTransaction> receipts;
  for (std::uint64_t i = 0; i < count; ++i) {
    Result<Receipt> receipt = producer.submit(rows[i]);
    expect(receipt.ok(), "a submit was refused");
    receipts[i % kRowsPerTransaction] = std::move(*receipt);
    if ((i + 1) % kRowsPerTransaction != 0) continue;
    expect(journal.tick().ok(), "a tick failed");
    for (Receipt& one : receipts) {
      const std::optional<Outcome> outcome = one.poll();
      expect(outcome && outcome->committed(), "a receipt is not committed after its tick");
    }
  }
}

namespace {

// Neither copies its log back on the way: a checkpoint is no part of a row's journey, and where
// the first one falls would decide the count. A journal begins one when the log holds what takes a
// second of the disk, if not before: so there cannot be many rows.
constexpr std::uint64_t kWalLimit = std::uint64_t{1} << 40;

// Of this process so far; nothing where Linux was built without that account.
std::optional<std::uint64_t> reads_and_writes() {
  constexpr const char* kAccount = "/proc/self/io";
  const auto reads = labelled_number(kAccount, "syscr:");
  const auto writes = labelled_number(kAccount, "syscw:");
  return reads && writes ? std::optional(*reads + *writes) : std::nullopt;
}

template <class Loop>
std::optional<std::uint64_t> reads_and_writes_of(const Loop& loop) {
  const std::optional<std::uint64_t> before = reads_and_writes();
  loop();
  const std::optional<std::uint64_t> after = reads_and_writes();
  return before && after ? std::optional(*after - *before) : std::nullopt;
}

std::optional<std::uint64_t> travel_bare(const Rows& rows, const Leg& leg) {
  Connection connection(leg.database, Access::read_write);
  connection.execute(journal_pragmas());
  connection.execute("PRAGMA wal_autocheckpoint = 0");
  return reads_and_writes_of([&] { onelane_bench_counted_bare(connection, rows, leg.rows); });
}

std::optional<std::uint64_t> travel_journal(Journey journey, const Rows& rows, const Leg& leg) {
  JournalOptions options;
  options.drive = Drive::manual;
  options.wal_limit_bytes = kWalLimit;
  options.tick.hold = std::chrono::seconds(10);  // callgrind is slow; ticks must not be cut for it
  Result<Journal> journal = Journal::open(leg.database, options);
  Result<WriteClass> small = journal->add_class({.name = "small"});
  Result<Producer<TextRow>> producer = journal->producer<TextRow>(*small);
  auto* const counted =
      journey == Journey::pushed ? &onelane_bench_counted_pushed : &onelane_bench_counted_submitted;
  const std::optional<std::uint64_t> calls =
      reads_and_writes_of([&] { counted(*journal, *producer, rows, leg.rows); });
  const JournalStats stats = journal->stats();
  expect(stats.ticks == leg.rows / kRowsPerTransaction, "ticks took more or less than they should");
  expect(stats.log.passes + stats.log.closings == 0, "the log was copied back on the way");
  expect(stats.classes.front().end(End::committed) == leg.rows, "not every row was committed");
  return calls;
}

}  // namespace

void lay_out(const std::filesystem::path& database, std::uint64_t rows) {
  Connection connection(database, Access::read_write);
  connection.execute(journal_pragmas());
  connection.execute(std::string(kTextSchema));
  onelane_bench_counted_bare(connection, Rows(0, rows), rows);
}

std::optional<std::uint64_t> travel(Journey journey, const Leg& leg) {
  const Rows rows(leg.first, leg.rows);
  return journey == Journey::bare ? travel_bare(rows, leg) : travel_journal(journey, rows, leg);
}

}  // namespace onelane::bench::overhead
