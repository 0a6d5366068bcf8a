#include "tools/database/inside.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>

#include "tools/database/reading.h"
#include "tools/database/schema_words.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/printable.h"
#include "tools/kit/units.h"

namespace onelane::tools {
namespace {

using namespace std::chrono_literals;
using kit::format_duration;
using kit::printable;

constexpr Duration kShort = 2s;  // for what reads a few pages
constexpr std::size_t kComplaintsMost = 5;
constexpr std::size_t kNamesMost = 10'000;

// ---- whole?

std::string complaints(const Rows& found) {
  std::string out;
  for (const auto& row : found.rows) out += (out.empty() ? "" : "; ") + printable(row[0]);
  return out;
}

Finding unreadable(std::string what, const ReadError& error) {
  Finding out{.what = std::move(what), .value = printable(error.message), .verdict = Verdict::note};
  switch (error.code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      out.verdict = Verdict::must;
      out.advice =
          "it is damaged: restore a backup, or save what can be read (.recover of sqlite3)";
      break;
    case SQLITE_BUSY:
      out.advice = "somebody has it for himself: look again later, and see who holds the lock";
      break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      out.advice =
          "its journal or log must be taken over first, which takes a connection that may write: "
          "let its program open and close it, then look again";
      break;
    default:
      out.advice = "look again; if it stays, ask SQLite's result codes what it means";
  }
  return out;
}

Finding soundness(Reading& reading, const InsideOptions& options) {
  const std::string check = options.deep ? "integrity_check" : "quick_check";
  const Rows found = reading.query(fmt::format("PRAGMA {}({})", check, kComplaintsMost),
                                   kComplaintsMost, options.limit);
  Finding out{.what = check, .value = complaints(found)};
  if (found.error.out_of_time) {
    out.value = found.rows.empty()
                    ? fmt::format("not through after {}", format_duration(options.limit))
                    : out.value;
    out.verdict = Verdict::note;
    out.advice = "nothing is known to be wrong; --time-limit gives it longer";
  } else if (!found.ok()) {
    return unreadable(check, found.error);
  }
  const bool fault = !found.rows.empty() && found.first() != "ok";
  if (fault) {
    out.verdict = Verdict::must;
    out.advice = "it is damaged: restore a backup, or save what can be read (.recover of sqlite3)";
  }
  return out;
}

Findings broken_keys(Reading& reading, const InsideOptions& options) {
  if (!options.deep) return {};
  const Rows found = reading.query("PRAGMA foreign_key_check", kNamesMost, options.limit);
  if (found.error.out_of_time) {
    return {{.what = "foreign keys",
             .value = fmt::format("not through after {}", format_duration(options.limit)),
             .verdict = Verdict::note,
             .advice = "--time-limit gives it longer"}};
  }
  if (!found.ok()) return {unreadable("foreign keys", found.error)};
  if (found.rows.empty()) return {{.what = "foreign keys", .value = "all refer to something"}};
  return {{.what = "foreign keys",
           .value = fmt::format("{}{} rows refer to nothing, the first in {}",
                                found.rows.size() == kNamesMost ? "at least " : "",
                                found.rows.size(), printable(found.first())),
           .verdict = Verdict::must,
           .advice = "a migration would fail on them, however old they are: mend or delete these "
                     "rows (PRAGMA foreign_key_check lists them)"}};
}

// ---- set how?

Finding vacuum(Reading& reading) {
  const std::string mode = reading.query("PRAGMA auto_vacuum", 1, kShort).first();
  if (mode == "0") return {.what = "auto_vacuum", .value = "none"};
  if (mode == "2") return {.what = "auto_vacuum", .value = "incremental"};
  return {.what = "auto_vacuum",
          .value = "full",
          .verdict = Verdict::note,
          .advice =
              "each commit that frees pages moves others, while the lane is held: PRAGMA "
              "auto_vacuum=INCREMENTAL, and a job that frees a few pages now and then"};
}

Finding version(Reading& reading) {
  return {.what = "user_version",
          .value = fmt::format("{}; JournalOptions::migrations begin above it",
                               reading.query("PRAGMA user_version", 1, kShort).first())};
}

// ---- onelane's tables

using Column = std::array<std::string_view, 2>;  // name and type

bool has_columns(const Rows& table, std::initializer_list<Column> columns) {
  return std::equal(table.rows.begin(), table.rows.end(), columns.begin(), columns.end(),
                    [](const std::vector<std::string>& row, const Column& column) {
                      return row.size() > 2 && row[1] == column[0] && row[2] == column[1];
                    });
}

Rows columns_of(Reading& reading, const std::string& table) {
  return reading.query(fmt::format("PRAGMA table_info({})", quoted_name(table)), 8, kShort);
}

std::string count_of(Reading& reading, const std::string& table) {
  return reading.query(fmt::format("SELECT count(*) FROM {}", quoted_name(table)), 1, kShort)
      .first();
}

Finding positions(Reading& reading, const Rows& columns, bool has_intake) {
  Finding out{.what = "onelane_intake",
              .value = fmt::format("how far {} classes with an intake are applied",
                                   count_of(reading, "onelane_intake"))};
  if (!has_columns(columns, {{"class", "TEXT"},
                             {"position", "INTEGER"},
                             {"waiting", "TEXT"},
                             {"journaled", "INTEGER"}})) {
    out.value = "a table with other columns than onelane's";
    out.verdict = Verdict::must;
    out.advice = "no class could have an intake: name another table in IntakeOptions::positions";
  } else if (!has_intake) {
    out.verdict = Verdict::note;
    out.advice =
        "the intake's folder is not beside the database: if IntakeOptions::folder does not say "
        "where it is, put it back; without it, opening is refused (IntakeOptions::on_mismatch)";
  }
  return out;
}

Findings onelanes_tables(Reading& reading, const std::vector<std::string>& tables,
                         bool has_intake) {
  Findings out;
  for (const std::string& table : tables) {
    const Rows columns = columns_of(reading, table);
    if (table == "onelane_intake") {
      out.push_back(positions(reading, columns, has_intake));
    } else if (has_columns(columns, {{"epoch", "INTEGER"}, {"commits", "INTEGER"}})) {
      out.push_back({.what = "watermark",
                     .value = fmt::format("{}: the newest commits of {} openings", printable(table),
                                          count_of(reading, table))});
    } else if (has_columns(columns, {{"class", "TEXT"},
                                     {"position", "INTEGER"},
                                     {"statement", "TEXT"},
                                     {"row", "TEXT"},
                                     {"cause", "TEXT"},
                                     {"time", "INTEGER"}})) {
      const std::string letters = count_of(reading, table);
      out.push_back({.what = "dead letters",
                     .value = fmt::format("{}: {} rows", printable(table), letters),
                     .verdict = letters == "0" ? Verdict::ok : Verdict::note,
                     .advice = letters == "0" ? ""
                                              : "what the database refused, with the cause: "
                                                "see to it, then delete it"});
    }
  }
  return out;
}

// ---- what makes it slower

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 4;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    out += (out.empty() ? "" : ", ") + printable(names[i]);
  }
  return names.size() > kShown ? out + ", ..." : out;
}

Findings schema(Reading& reading, const DatabaseFile& file) {
  const Rows found = reading.query(
      "SELECT type, name, coalesce(sql, '') FROM sqlite_schema WHERE type IN ('table', 'trigger')",
      kNamesMost, kShort);
  if (!found.ok()) return {unreadable("schema", found.error)};
  std::vector<std::string> tables;
  std::vector<std::string> triggers;
  std::vector<std::string> far;
  for (const auto& row : found.rows) {
    (row[0] == "table" ? tables : triggers).push_back(row[1]);
    if (undoes_more_or_less(row[2])) far.push_back(row[1]);
  }
  Findings out = onelanes_tables(reading, tables, std::filesystem::exists(file.beside("-intake")));
  if (!triggers.empty()) {
    out.push_back({.what = "triggers",
                   .value = fmt::format("{}: {}", triggers.size(), joined(triggers)),
                   .verdict = Verdict::note,
                   .advice = "each record whose statement runs one needs a savepoint of its own, "
                             "which costs it some microseconds"});
  }
  if (!far.empty()) {
    out.push_back({.what = "conflict clauses",
                   .value = fmt::format("ROLLBACK or FAIL in {}", joined(far)),
                   .verdict = Verdict::note,
                   .advice = "a record that meets one undoes its whole tick, which is run again "
                             "without it: ABORT, SQLite's default, costs that record alone"});
  }
  return out;
}

// ---- does it change?

Finding changes(Reading& reading, const DatabaseFile& file, Duration look) {
  constexpr Duration kStep = 20ms;
  Finding out{.what = "commits of others",
              .value = fmt::format("none within {}", format_duration(look))};
  const auto version = [&reading] {
    return reading.query("PRAGMA data_version", 1, kShort).first();
  };
  const std::string first = version();
  int seen = 0;
  std::string last = first;
  const auto end = std::chrono::steady_clock::now() + look;
  bool still_at_rest = file.at_rest;
  while (!kit::interrupted() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kStep);
    if (file.at_rest) {
      still_at_rest = still_at_rest && !std::filesystem::exists(file.beside("-wal")) &&
                      !std::filesystem::exists(file.beside("-journal"));
      continue;
    }
    std::string now = version();
    if (now == last) continue;
    last = std::move(now);
    ++seen;
  }
  if (seen == 0 && still_at_rest == file.at_rest) return out;
  out.value = file.at_rest ? "it was opened while it was looked at"
                           : fmt::format("in {} looks out of {} within {}", seen, look / kStep,
                                         format_duration(look));
  out.verdict = Verdict::note;
  out.advice =
      "if they are a journal's, all is well; each commit beside the lane keeps it waiting for the "
      "lock: let that program write through the lane";
  return out;
}

}  // namespace

Findings look_inside(const DatabaseFile& file, const InsideOptions& options) {
  if (file.bytes == 0) return {};
  Reading reading(file);
  Findings out{soundness(reading, options)};
  const bool readable = reading.query("PRAGMA schema_version", 1, kShort).ok();
  if (!readable || kit::interrupted()) return out;
  append(out, broken_keys(reading, options));
  out.push_back(vacuum(reading));
  out.push_back(version(reading));
  append(out, schema(reading, file));
  if (options.look > Duration::zero()) out.push_back(changes(reading, file, options.look));
  return out;
}

}  // namespace onelane::tools
