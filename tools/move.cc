#include "tools/move.h"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "onelane/postgres.h"
#include "tools/kit/errors.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/json_file.h"
#include "tools/kit/printable.h"
#include "tools/kit/table.h"
#include "tools/kit/terminal.h"
#include "tools/kit/units.h"
#include "tools/move/moving.h"

namespace onelane::tools {
namespace {

using kit::printable;
using kit::UsageError;
using nlohmann::json;

struct MoveFlags {
  MoveOptions move;
  bool overwrite = false;
  std::optional<std::string> json;
};

std::string parse_source(std::string_view text) {
  constexpr std::string_view kScheme = "sqlite:";
  if (text.starts_with(kScheme) && text.size() > kScheme.size()) {
    return std::string(text.substr(kScheme.size()));
  }
  throw UsageError(
      fmt::format("'{}' is not where to move from; right is sqlite:FILE", printable(text)));
}

// A URI is itself a conninfo. What is wrong is not repeated: it may have a password.
std::string parse_target(std::string_view text) {
  constexpr std::string_view kScheme = "postgres:";
  if (text.starts_with("postgres://") || text.starts_with("postgresql://")) {
    return std::string(text);
  }
  if (text.starts_with(kScheme) && text.size() > kScheme.size()) {
    return std::string(text.substr(kScheme.size()));
  }
  throw UsageError(
      "where to move to must be postgres:CONNINFO, such as 'postgres:host=/run/postgresql "
      "dbname=peers', or a URI, postgres://user@host/peers");
}

std::string parse_prefix(std::string_view text) {
  postgres::Options options;
  options.prefix = text;
  if (const Status valid = validate(options); !valid.ok()) throw UsageError(valid.message());
  return options.prefix;
}

std::vector<std::string> parse_prefixes(std::string_view text) {
  std::vector<std::string> out = kit::split_list(text);
  for (std::string& each : out) each = parse_prefix(each);
  return out;
}

kit::FlagSet move_flags(MoveFlags& o) {
  kit::FlagSet flags(
      "usage: onelane move sqlite:FILE postgres:CONNINFO [flags]\n\n"
      "Makes PostgreSQL's tables equal to SQLite's, and carries over how far the intake is\n"
      "applied. Run it while the service runs, and once more when it has stopped: then it writes\n"
      "only what differs, and onelane::postgres::open goes on with the same intake.\n");
  flags.operand({.placeholder = "sqlite:FILE",
                 .help = "the file of an SQLite database, which is only read",
                 .parse = kit::into(o.move.database, parse_source)});
  flags.operand({.placeholder = "postgres:CONNINFO",
                 .help = "libpq's keywords and values, or a URI, postgres://user@host/peers",
                 .parse = kit::into(o.move.conninfo, parse_target)});
  flags.group("What is moved");
  flags.add({.name = "prefix",
             .placeholder = "NAME",
             .default_value = "onelane",
             .help = "what the names of onelane's own tables begin with, as in postgres::Options",
             .parse = kit::into(o.move.prefix.name, parse_prefix)});
  flags.add({.name = "beside",
             .placeholder = "NAME,...",
             .help = "prefixes of other services' journals there, which write other tables",
             .parse = kit::into(o.move.prefix.beside, parse_prefixes)});
  flags.add({.name = "overwrite",
             .help = "undo what a journal has written to PostgreSQL since the last move",
             .parse = kit::on(o.overwrite)});
  flags.group("Output");
  kit::add_json_flag(flags, o.json);
  return flags;
}

json to_json(const Move& move) {
  json tables = json::array();
  for (const MovedRows& each : move.tables) {
    tables.push_back({{"table", each.name},
                      {"to", each.target},
                      {"made", each.made},
                      {"rows", each.moved.rows},
                      {"copied", each.moved.copied},
                      {"changed", each.moved.changed},
                      {"deleted", each.moved.deleted}});
  }
  json positions = json::object();
  for (const MovedPosition& each : move.intake.positions) positions[each.name] = each.position;
  return {{"schema", 1},
          {"final", move.final},
          {"equal", true},
          {"tables", tables},
          {"intake", move.intake.known},
          {"intake_tail", move.intake.known && !move.intake.clean},
          {"positions", positions},
          {"dead_letters", move.intake.dead_letters},
          {"schema_version", move.intake.schema_version},
          {"notes", move.notes}};
}

void print(const Move& move, std::FILE* output) {
  kit::Table table;
  table.columns({"table", "rows", "copied", "changed", "deleted"});
  for (const MovedRows& each : move.tables) {
    table.row({printable(each.name), fmt::format("{}", each.moved.rows),
               fmt::format("{}", each.moved.copied), fmt::format("{}", each.moved.changed),
               fmt::format("{}", each.moved.deleted)});
  }
  fmt::print(output, "{}\nequal: yes, all values compared\n", table.text());
  std::string positions;
  for (const MovedPosition& each : move.intake.positions) {
    positions +=
        fmt::format("{}{} {}", positions.empty() ? "" : ", ", printable(each.name), each.position);
  }
  fmt::print(output, "intake: {}\n",
             !move.intake.known ? "none"
                                : (positions.empty() ? "nothing applied"
                                                     : "applied up to position: " + positions));
  if (move.intake.known && !move.intake.clean) {
    fmt::print(output,
               "intake: it may have a tail that is not applied yet; the journal on PostgreSQL "
               "applies it\n");
  }
  fmt::print(output, "dead letters: {}\nschema version: {}\n", move.intake.dead_letters,
             move.intake.schema_version);
  for (const std::string& note : move.notes) fmt::print(output, "note: {}\n", note);
  fmt::print(
      output, "final: {}\n",
      move.final
          ? "yes"
          : kit::bold("no", output) +
                "; the service runs, or SQLite was written: stop who writes, and run this again");
}

int move_main(const std::vector<std::string>& arguments) {
  MoveFlags flags;
  if (!move_flags(flags).parse(arguments, std::cout)) return kit::kExitOk;
  kit::JsonFile result(flags.json);
  kit::catch_interrupt();
  flags.move.prefix.overwrite = flags.overwrite ? Overwrite::yes : Overwrite::no;
  const Move move = move_database(flags.move);
  print(move, result.text());
  result.write(to_json(move));
  return kit::kExitOk;
}

}  // namespace

Command move_command() {
  return {
      .name = "move",
      .group = "To another server",
      .summary = "a service's SQLite database to PostgreSQL, intake and all",
      .about =
          "Makes the tables in PostgreSQL equal to those in SQLite, in one transaction, and "
          "compares all values. A table without rows is copied; of others only the differences are "
          "written. Tables that are missing are made: columns, primary key, NOT NULL and indexes. "
          "What is not translated is named.\n\n"
          "How far the intake is applied, its identity, dead letters and the version of the schema "
          "go with the rows, in the same transaction. A journal that is opened on PostgreSQL with "
          "the same intake folder applies what is left there, once.\n\n"
          "It may run while the service runs, and then says final: no. Stop the service and run it "
          "again: it reads both sides, and writes what has changed. A value that does not fit its "
          "column in PostgreSQL is named, and nothing is changed.",
      .flags =
          [] {
            static MoveFlags unused;
            return move_flags(unused);
          },
      .run = move_main};
}

}  // namespace onelane::tools
