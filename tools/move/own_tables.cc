#include "tools/move/own_tables.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <span>
#include <string_view>

#include "tools/database/reading.h"
#include "tools/kit/errors.h"
#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

using kit::printable;
using kit::RunError;

constexpr std::int64_t kFormat = 1;  // of the positions
constexpr std::size_t kUuidDigits = 32;
// States of the mark.
constexpr std::int64_t kClean = 1;
constexpr std::int64_t kOpening = 2;

bool has_columns(const SourceTable& table, std::initializer_list<std::string_view> names) {
  return std::equal(
      table.columns.begin(), table.columns.end(), names.begin(), names.end(),
      [](const SourceColumn& column, std::string_view name) { return column.name == name; });
}

std::string own(Server& server, const std::string& prefix, std::string_view what) {
  return server.first("SELECT quote_ident(current_schema())") + ".\"" + prefix + '_' +
         std::string(what) + '"';
}

// SQLite's mark has the number of the database's schema behind the UUID. A copy that SQLite made
// (the backup API, VACUUM INTO) is complete by itself, and needs no intake: its number is an older
// one, or it is not in WAL mode, as each database is that a journal has open.
struct Mark {
  std::string uuid;
  std::int64_t state = 0;
};

Mark read_mark(const Source& source, const SourceStatement& row) {
  const std::string text = row.text(2);
  const std::size_t at = text.find('@');
  const bool right = row.number(3) == kFormat && at == kUuidDigits && row.number(1) <= kOpening &&
                     text.find_first_not_of("0123456789abcdef") == at;
  if (!right) {
    throw RunError(
        fmt::format("the intake's mark is of format {}, '{}'; this onelane moves {}: "
                    "move with the onelane that wrote it",
                    row.number(3), printable(text), kFormat));
  }
  const bool copied = !source.in_wal_mode() || source.number("PRAGMA schema_version") <
                                                   std::stoll("0" + text.substr(at + 1));
  return {.uuid = text.substr(0, at), .state = copied ? kClean : row.number(1)};
}

void move_positions(const Source& source, const std::string& from, Server& server,
                    const std::string& to) {
  SourceStatement rows(source, "SELECT class, position, waiting, journaled FROM " +
                                   quoted_name(from) + " ORDER BY class");
  while (rows.step()) {
    std::string waiting = rows.null(2) ? "NULL" : sql_text(rows.text(2));
    std::int64_t position = rows.number(1);
    if (rows.text(0).empty()) {
      const Mark mark = read_mark(source, rows);
      waiting = sql_text(mark.uuid);
      position = mark.state;
    }
    server.run(
        fmt::format("INSERT INTO {}(class, position, waiting, journaled) VALUES({}, {}, {}, "
                    "{})",
                    to, sql_text(rows.text(0)), position, waiting, rows.number(3)));
  }
}

// From milliseconds since 1970.
std::string timestamp(std::int64_t milliseconds) {
  constexpr std::int64_t kMost = 253'402'300'799'999;  // 9999
  constexpr std::int64_t kASecond = 1000;
  if (milliseconds < 0 || milliseconds > kMost) return "NULL";
  const auto seconds = static_cast<std::time_t>(milliseconds / kASecond);
  return fmt::format("'{:%Y-%m-%d %H:%M:%S}.{:03}+00'", fmt::gmtime(seconds),
                     milliseconds % kASecond);
}

// A row may hold any bytes; PostgreSQL's text does not.
std::string letter_text(const SourceStatement& rows, int column) {
  if (rows.null(column)) return "NULL";
  const std::string text = rows.text(column);
  const bool fits = kit::is_utf8(text) && text.find('\0') == std::string::npos;
  return sql_text(fits ? text : printable(text));
}

std::uint64_t move_letters(const Source& source, const std::string& from, Server& server,
                           const std::string& to) {
  SourceStatement rows(source, "SELECT class, position, statement, row, cause, time FROM " +
                                   quoted_name(from) + " ORDER BY rowid");
  std::uint64_t count = 0;
  for (; rows.step(); ++count) {
    server.run(fmt::format(
        "INSERT INTO {}(class, position, statement, \"row\", cause, time) VALUES({}, {}, {}, {}, "
        "{}, {})",
        to, letter_text(rows, 0), rows.number(1), letter_text(rows, 2), letter_text(rows, 3),
        letter_text(rows, 4), rows.null(5) ? "NULL" : timestamp(rows.number(5))));
  }
  return count;
}

}  // namespace

OwnTables take_own_tables(std::vector<SourceTable>& tables, std::vector<std::string>& notes) {
  OwnTables out;
  const auto take = [&notes](std::string& name, const SourceTable& table, std::string_view what) {
    if (!name.empty()) {
      throw RunError(
          fmt::format("tables {} and {} both look like onelane's {}; drop the one "
                      "that IntakeOptions::{} does not name",
                      printable(name), printable(table.name), what, what));
    }
    name = table.name;
    notes.push_back(
        fmt::format("table {}: taken for IntakeOptions::{}", printable(table.name), what));
    return true;
  };
  std::erase_if(tables, [&](const SourceTable& table) {
    if (has_columns(table, {"class", "position", "waiting", "journaled"})) {
      return take(out.positions, table, "positions");
    }
    if (has_columns(table, {"class", "position", "statement", "row", "cause", "time"})) {
      return take(out.dead_letters, table, "dead_letters");
    }
    const bool watermark = has_columns(table, {"epoch", "commits"}) && table.rowid_key;
    if (watermark) {  // each store counts its own commits
      notes.push_back(fmt::format(
          "table {}: not moved, since it looks like JournalOptions::watermark_table; if it is "
          "your own, rename a column",
          printable(table.name)));
    }
    return watermark;
  });
  return out;
}

MovedIntake move_own_tables(const Source& source, const OwnTables& own_tables, Server& server,
                            const std::string& prefix) {
  MovedIntake out;
  const std::string positions = own(server, prefix, "positions");
  const std::string letters = own(server, prefix, "dead_letters");
  server.run("DELETE FROM " + positions);
  server.run("DELETE FROM " + letters);
  if (!own_tables.positions.empty()) {
    move_positions(source, own_tables.positions, server, positions);
  }
  if (!own_tables.dead_letters.empty()) {
    out.dead_letters = move_letters(source, own_tables.dead_letters, server, letters);
  }
  out.schema_version = source.number("PRAGMA user_version");
  server.run(
      fmt::format("INSERT INTO {}(version) VALUES({}) ON CONFLICT(one) DO UPDATE SET "
                  "version = excluded.version",
                  own(server, prefix, "version"), out.schema_version));
  for (const auto& row :
       server.ask("SELECT class, position FROM " + positions + " ORDER BY class")) {
    if (row[0] == "") {
      out.known = true;
      out.clean = row[1] == std::to_string(kClean);
    } else {
      out.positions.push_back({*row[0], std::stoull(*row[1])});
    }
  }
  return out;
}

}  // namespace onelane::tools
