#include "bench/growth/runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bench/kit/database.h"
#include "bench/kit/errors.h"
#include "bench/kit/keyed_row.h"
#include "bench/kit/random.h"
#include "onelane/journal.h"

namespace onelane::bench::growth {
namespace {

using Stopwatch = std::chrono::steady_clock;

void expect(bool met, std::string_view what) {
  if (!met) throw RunError(fmt::format("the run is not what it should be: {}", what));
}

class Rows {
 public:
  explicit Rows(const Load& load) : version_(load.version) {
    Random random(load.seed);
    keys_.reserve(load.rows);
    for (std::uint64_t i = 0; i < load.rows; ++i) {
      const double at = random.uniform() * static_cast<double>(load.database_rows);
      keys_.push_back(key_text(static_cast<std::uint64_t>(at)));
    }
    value_.fill(std::byte{0x5a});
  }
  // Valid until the next call.
  TextRow operator[](std::uint64_t i) {
    const std::uint64_t version = version_ + i;
    std::memcpy(value_.data(), &version, sizeof version);
    return {std::string_view(keys_[i].data(), keys_[i].size()), value_};
  }

 private:
  std::vector<KeyText> keys_;
  std::array<std::byte, kValueBytes> value_{};
  std::uint64_t version_;
};

Figures figures_of(std::uint64_t rows, Stopwatch::duration elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const auto count = static_cast<double>(rows);
  return {{"per_s", count / seconds}, {"us_per_row", seconds * 1e6 / count}};
}

Journal open(const Load& load) {
  JournalOptions options;
  options.drive = Drive::manual;
  options.tick.records = kRowsPerTransaction;
  options.tick.hold = std::chrono::seconds(10);  // transactions of the same size, however slow
  Result<Journal> journal = Journal::open(load.database, options);
  return std::move(journal.value());
}

std::vector<Producer<TextRow>> producers_of(Journal& journal, const Load& load) {
  std::vector<Producer<TextRow>> producers;
  for (std::uint64_t i = 0; i < load.classes; ++i) {
    ClassOptions options;
    options.name = fmt::format("c{}", i);
    options.guarantee = {.records = 8, .bytes = 8 * kKiB};  // of 64 classes together: half a tick
    options.capacity_records = load.backlog;
    options.capacity_bytes = load.backlog * kKiB;
    WriteClass added = journal.add_class(options).value();
    producers.push_back(journal.producer<TextRow>(added).value());
  }
  return producers;
}

}  // namespace

void lay_out(const std::filesystem::path& database, std::uint64_t rows) {
  std::vector<KeyText> keys(rows);
  for (std::uint64_t i = 0; i < rows; ++i) keys[i] = key_text(i);
  std::sort(keys.begin(), keys.end());  // in the index's order: much the fastest
  Connection connection(database, Access::read_write);
  connection.execute(journal_pragmas() + "; PRAGMA synchronous = OFF");
  connection.execute(std::string(kTextSchema));
  Query insert = connection.prepare(RecordTraits<TextRow>::sql);
  const std::array<std::byte, kValueBytes> value{};
  connection.execute("BEGIN IMMEDIATE");
  for (const KeyText& key : keys) {
    insert.bind_record(TextRow{std::string_view(key.data(), key.size()), value});
    expect(insert.run() == SQLITE_DONE, "a row was refused");
  }
  connection.execute("COMMIT");
}

Figures run_journal(const Load& load) {
  Rows rows(load);
  Journal journal = open(load);
  std::vector<Producer<TextRow>> producers = producers_of(journal, load);
  const auto begin = Stopwatch::now();
  for (std::uint64_t done = 0; done < load.rows; done += load.backlog) {
    for (std::uint64_t i = done; i < done + load.backlog; ++i) {
      expect(producers[i % load.classes].push(rows[i]).ok(), "a push was refused");
    }
    while (true) {
      Result<TickReport> tick = journal.tick();
      expect(tick.ok(), "a tick failed");
      if (!tick->more) break;
    }
  }
  const auto elapsed = Stopwatch::now() - begin;
  const JournalStats stats = journal.stats();
  expect(stats.committed == load.rows / kRowsPerTransaction,
         "ticks took more or less than planned");
  return figures_of(load.rows, elapsed);
}

Figures run_bare(const Load& load) {
  Rows rows(load);
  Connection connection(load.database, Access::read_write);
  connection.execute(journal_pragmas());
  Query begin = connection.prepare("BEGIN IMMEDIATE");
  Query upsert = connection.prepare(RecordTraits<TextRow>::sql);
  Query commit = connection.prepare("COMMIT");
  const auto began = Stopwatch::now();
  for (std::uint64_t i = 0; i < load.rows; ++i) {
    if (i % kRowsPerTransaction == 0) expect(begin.run() == SQLITE_DONE, "BEGIN failed");
    upsert.bind_record(rows[i]);
    expect(upsert.run() == SQLITE_DONE, "a row was refused");
    if ((i + 1) % kRowsPerTransaction == 0) expect(commit.run() == SQLITE_DONE, "COMMIT failed");
  }
  return figures_of(load.rows, Stopwatch::now() - began);
}

}  // namespace onelane::bench::growth
