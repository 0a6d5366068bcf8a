#include "bench/recover/runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "bench/contestants/rows.h"
#include "bench/contestants/sqlite.h"
#include "bench/kit/errors.h"
#include "bench/kit/keyed_row.h"
#include "bench/kit/required.h"
#include "bench/kit/resident.h"
#include "bench/kit/units.h"
#include "onelane/journal.h"

namespace onelane::bench::recover {
namespace {

using Clock = std::chrono::steady_clock;

// Of a record in the intake, besides its key and its value: src/intake/format.h.
constexpr std::uint64_t kOverheadBytes = 37;
constexpr std::uint64_t kRecordBytes = kKeyBytes + kValueBytes + kOverheadBytes;
constexpr std::chrono::seconds kCloseTimeout(60);

double mib(std::uint64_t bytes) { return static_cast<double>(bytes) / static_cast<double>(kMiB); }

JournalOptions with_intake(const Left& left) {
  JournalOptions options;
  options.schema = schema_for(kValueBytes);
  options.intake.dead_letters = "dead_letters";
  options.intake.most_bytes = 2 * left.rows * kRecordBytes + 4 * options.intake.segment_bytes;
  return options;
}

void push_all(Producer<KeyValue>& producer, const Left& left) {
  const Rows rows(left.seed, kValueBytes, KeyOrder::random);
  for (std::uint64_t number = 0; number < left.rows; ++number) {
    const Rows::Key key = rows.key(number);
    require(producer.push({key, rows.value(number)}), "pushing");
  }
}

// Of a journal that has just done it.
Figures figures_of(const Left& left, const Journal& journal, Nanoseconds took) {
  return {{"ms", to_seconds(took) * 1e3},
          {"per_s", static_cast<double>(left.rows) / to_seconds(took)},
          {"log_mib", mib(journal.stats().log.bytes_max)}};
}

// The most that was resident since `before`.
double peak_mib(std::uint64_t before) {
  return mib(std::max(resident_bytes_peak(), before) - before);
}

}  // namespace

std::uint64_t rows_in(std::uint64_t intake_bytes) { return intake_bytes / kRecordBytes; }

Figures leave(const Left& left) {
  constexpr std::uint64_t kEntryBytes = 512;  // ClassOptions::capacity_bytes
  // Never destroyed: that would close it.
  Journal& journal =
      *new Journal(required(Journal::open(left.database, with_intake(left)), "opening"));
  ClassOptions options;
  options.name = "rows";
  options.promise = Promise::journaled;
  options.intake = true;
  options.capacity_records = 2 * left.rows + 2;
  options.capacity_bytes = options.capacity_records * kEntryBytes;
  WriteClass rows = required(journal.add_class(options), "adding the class");
  auto producer = required(journal.producer<KeyValue>(rows), "adding the statement");
  // Nothing is committed as long as somebody else writes.
  Connection other(left.database, Access::read_write);
  other.execute("BEGIN IMMEDIATE");
  Left all_but_one = left;
  --all_but_one.rows;
  push_all(producer, all_but_one);
  const Rows values(left.seed, kValueBytes, KeyOrder::random);
  const Rows::Key key = values.key(all_but_one.rows);
  const Journaled last =
      required(producer.journal({key, values.value(all_but_one.rows)}), "journaling the last row");
  const JournalStats stats = journal.stats();
  if (last.position != left.rows || stats.classes[0].applied_position != 0) {
    throw RunError(fmt::format("of {} rows, {} were journaled, and {} applied already", left.rows,
                               last.position, stats.classes[0].applied_position));
  }
  return {{"left_mib", mib(stats.intake.written_bytes)}};
}

Figures reopen(const Left& left) {
  const JournalOptions options = with_intake(left);
  const std::uint64_t before = resident_bytes();
  const Clock::time_point begin = Clock::now();
  Journal journal = required(Journal::open(left.database, options), "opening");
  const Nanoseconds took = Clock::now() - begin;
  const double peak = peak_mib(before);
  if (const std::uint64_t replayed = journal.stats().intake.replayed; replayed != left.rows) {
    throw RunError(
        fmt::format("{} rows were left, and the opening applied {}", left.rows, replayed));
  }
  Figures figures = figures_of(left, journal, took);
  figures["peak_mib"] = peak;
  require(journal.close(kCloseTimeout).status, "closing");
  return figures;
}

Figures bulk(const Left& left) {
  JournalOptions options;
  options.schema = schema_for(kValueBytes);
  const std::uint64_t before = resident_bytes();
  Journal journal = required(Journal::open(left.database, options), "opening");
  WriteClass rows = required(journal.add_class({.name = "rows"}), "adding the class");
  auto producer = required(journal.producer<KeyValue>(rows), "adding the statement");
  const Clock::time_point begin = Clock::now();
  push_all(producer, left);
  require(journal.flush(), "flushing");
  const Nanoseconds took = Clock::now() - begin;
  const double peak = peak_mib(before);
  Figures figures = figures_of(left, journal, took);
  figures["peak_mib"] = peak;
  require(journal.close(kCloseTimeout).status, "closing");
  return figures;
}

}  // namespace onelane::bench::recover
