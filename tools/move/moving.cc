#include "tools/move/moving.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "onelane/postgres.h"
#include "tools/database/files.h"
#include "tools/database/others.h"
#include "tools/database/reading.h"
#include "tools/kit/errors.h"
#include "tools/kit/printable.h"
#include "tools/kit/terminal.h"
#include "tools/move/mapping.h"
#include "tools/move/server.h"
#include "tools/move/source.h"

namespace onelane::tools {
namespace {

using kit::printable;
using kit::RunError;

// A sink of that prefix, so that no journal has it meanwhile, and onelane's own tables are there.
std::unique_ptr<Sink> take_prefix(const MoveOptions& options) {
  postgres::Options with;
  with.prefix = options.prefix.name;
  Result<std::unique_ptr<Sink>> sink = postgres::open_sink(options.conninfo, with);
  if (sink) return *std::move(sink);
  const std::string why = printable(sink.status().message());
  if (why.starts_with("conninfo:")) throw kit::UsageError(why);
  throw RunError(why);
}

// Before anything else, so that nobody changes a row that was compared.
void lock(Server& server, const Mapping& mapping) {
  for (const MovedTable& table : mapping.tables) {
    server.run(fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table.target));
  }
  server.run("SET CONSTRAINTS ALL DEFERRED");
}

// The number that the sequence gives next, so that it is behind `newest`. In the transaction, as
// setval() would not be.
void go_on_behind(Server& server, const std::string& sequence, const std::string& newest) {
  const auto next = server.ask(fmt::format(
      "SELECT CASE WHEN is_called THEN last_value + seqincrement ELSE last_value END, "
      "least({}::numeric + greatest(seqincrement, 1), seqmax) FROM {}, pg_sequence WHERE seqrelid "
      "= {}::regclass",
      newest, sequence, sql_text(sequence)));
  if (next.at(0)[0] == next[0][1]) return;
  server.run(fmt::format("ALTER SEQUENCE {} RESTART WITH {}", sequence, *next[0][1]));
}

// Numbers that SQLite or PostgreSQL gives to rows go on behind those that were given.
void set_sequences(const Source& source, Server& server, const MovedTable& table) {
  const bool autoincrement =
      source.number("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'") != 0;
  const std::int64_t given =
      autoincrement
          ? source.number("SELECT seq FROM sqlite_sequence WHERE name = " + sql_text(table.name))
          : 0;
  for (const MovedColumn& column : table.columns) {
    if (column.kind != Kind::integer || column.boolean) continue;
    const std::string sequence = server.first(fmt::format(
        "SELECT pg_get_serial_sequence({}, {})", sql_text(table.target), sql_text(column.plain)));
    if (sequence.empty()) continue;
    const std::string newest = server.first(
        fmt::format("SELECT greatest(max({}), {}, 0) FROM {}", column.target, given, table.target));
    if (newest != "0") go_on_behind(server, sequence, newest);
  }
}

void move_rows(const Source& source, Server& server, const Mapping& mapping, Move& out) {
  kit::Progress progress;
  bool wrote = false;
  for (const MovedTable& table : mapping.tables) {
    progress.show("copying " + printable(table.name));
    MovedRows& rows = out.tables.emplace_back();
    rows.name = table.name;
    rows.target = table.target;
    rows.made = table.made;
    rows.moved = make_equal(source, server, table);
    wrote = wrote || !rows.moved.nothing();
    for (const std::string& sql : table.after) server.run(sql);
  }
  if (wrote) server.run("SET CONSTRAINTS ALL IMMEDIATE");
  for (std::size_t i = 0; i < mapping.tables.size(); ++i) {
    if (wrote) {  // else all was compared
      progress.show("comparing " + printable(mapping.tables[i].name));
      out.tables[i].moved.rows = verify_equal(source, server, mapping.tables[i]);
    }
    set_sequences(source, server, mapping.tables[i]);
  }
}

}  // namespace

Move move_database(const MoveOptions& options) {
  const DatabaseFile file = find_database(options.database);
  // Asked before SQLite has the file open, and after: others.h.
  const bool runs = has_journal(file);
  Server server(options.conninfo);
  if (server.first("SHOW server_encoding") != "UTF8") {
    throw RunError(
        "PostgreSQL: the database's encoding is not UTF8; CREATE DATABASE with ENCODING "
        "'UTF8' makes one");
  }
  refuse_if_used(server, options.prefix);
  const std::unique_ptr<Sink> sink = take_prefix(options);
  const std::string backend = hold_journals(server, options.prefix);
  Move out;
  std::optional<Source> source(std::in_place, file);
  std::vector<SourceTable> tables = source->tables();
  const OwnTables own = take_own_tables(tables, out.notes);
  const Mapping mapping = map_tables(*source, tables, server);
  out.notes.insert(out.notes.end(), mapping.notes.begin(), mapping.notes.end());
  lock(server, mapping);
  move_rows(*source, server, mapping, out);
  out.intake = move_own_tables(*source, own, server, options.prefix.name);
  const bool same = source->end_unchanged();
  source.reset();
  const bool began = !runs && has_journal(file);
  if (file.at_rest && (began || !same)) {  // it was read as a file that nobody writes
    throw RunError(fmt::format(
        "{}: somebody opened or wrote it while it was read; nothing was changed, run this again",
        printable(file.path.string())));
  }
  check_held(server, options.prefix, backend);
  server.commit();
  out.final = !runs && !began && same;
  if (const Status closed = sink->close(CloseMode::healthy); !closed.ok()) {
    throw RunError(printable(closed.message()));
  }
  return out;
}

}  // namespace onelane::tools
