#include "tools/move/mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <regex>

#include "tools/database/reading.h"
#include "tools/kit/errors.h"
#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

using kit::printable;
using kit::RunError;

constexpr std::size_t kNameBytesMax = 63;  // PostgreSQL cuts a longer one

// SQLite does not tell letters' cases apart in names, and PostgreSQL reads a name without quotes in
// lower case. So that is how names are made.
std::string made_name(const std::string& name) {
  if (name.size() > kNameBytesMax) {
    throw RunError(fmt::format("the name '{}' has {} bytes; PostgreSQL takes {}: rename it first",
                               printable(name), name.size(), kNameBytesMax));
  }
  return quoted_name(lower(name));
}

std::string of(const SourceTable& table, const SourceColumn& column) {
  return fmt::format("table {}, column {}", printable(table.name), printable(column.name));
}

// --- Types.

struct TargetType {
  std::string_view name;
  Kind kind;
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

// Those whose values are exactly SQLite's, so that both can be compared.
constexpr std::array<TargetType, 8> kTypes = {
    TargetType{"bigint", Kind::integer},
    TargetType{"integer", Kind::integer, std::numeric_limits<std::int32_t>::min(),
               std::numeric_limits<std::int32_t>::max()},
    TargetType{"smallint", Kind::integer, std::numeric_limits<std::int16_t>::min(),
               std::numeric_limits<std::int16_t>::max()},
    TargetType{"boolean", Kind::integer, 0, 1},
    TargetType{"double precision", Kind::real},
    TargetType{"text", Kind::text},
    TargetType{"character varying", Kind::text},
    TargetType{"bytea", Kind::bytes},
};

void set_type(MovedColumn& column, const TargetType& type) {
  column.kind = type.kind;
  column.least = type.least;
  column.most = type.most;
  column.boolean = type.name == "boolean";
}

// What values of a column without an affinity of its own there are (NUMERIC, or no type at all).
std::string_view type_by_content(const Source& source, const SourceTable& table,
                                 const SourceColumn& column) {
  SourceStatement kinds(source, fmt::format("SELECT DISTINCT typeof({0}) FROM {1} ORDER BY 1",
                                            quoted_name(column.name), quoted_name(table.name)));
  std::string all;
  while (kinds.step()) {
    if (kinds.text(0) != "null") all += (all.empty() ? "" : " and ") + kinds.text(0);
  }
  if (all == "integer") return "bigint";
  if (all == "real" || all == "integer and real") return "double precision";
  if (all == "text") return "text";
  if (all == "blob") return "bytea";
  if (all.empty()) return column.type.empty() ? "text" : "bigint";
  throw RunError(
      fmt::format("{}: it has values of type {}; a column of PostgreSQL has one type: "
                  "make them one in SQLite first",
                  of(table, column), all));
}

// https://sqlite.org/datatype3.html#determination_of_column_affinity
std::string_view type_of(const Source& source, const SourceTable& table,
                         const SourceColumn& column) {
  const auto has = [&column](std::string_view word) {
    return column.type.find(word) != std::string::npos;
  };
  if (has("int")) return "bigint";
  if (has("char") || has("clob") || has("text")) return "text";
  if (has("blob")) return "bytea";
  if (has("real") || has("floa") || has("doub")) return "double precision";
  return type_by_content(source, table, column);
}

// --- Tables that are there.

struct FoundColumn {
  std::string name;
  std::string quoted;
  std::string type;
  bool not_null = false;
  bool generated = false;
};

struct FoundTable {
  std::string target;
  std::vector<FoundColumn> columns;
};

std::optional<FoundTable> find_table(const SourceTable& table, Server& server) {
  const auto found = server.ask(fmt::format(
      "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.oid FROM pg_class AS c "
      "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE lower(c.relname) = {0} AND c.relkind "
      "IN ('r', 'p') AND n.nspname = ANY(current_schemas(false)) ORDER BY "
      "array_position(current_schemas(false), n.nspname), c.relname <> {0}, c.relname <> {1} "
      "LIMIT 1",
      sql_text(lower(table.name)), sql_text(table.name)));
  if (found.empty()) return {};
  FoundTable out{.target = *found[0][0], .columns = {}};
  for (const auto& row : server.ask(fmt::format(
           "SELECT attname, quote_ident(attname), format_type(atttypid, NULL), attnotnull, "
           "attgenerated <> '' FROM pg_attribute WHERE attrelid = {} AND attnum > 0 AND NOT "
           "attisdropped ORDER BY attnum",
           *found[0][1]))) {
    out.columns.push_back({.name = *row[0],
                           .quoted = *row[1],
                           .type = *row[2],
                           .not_null = row[3] == "t",
                           .generated = row[4] == "t"});
  }
  return out;
}

const FoundColumn& column_for(const SourceTable& table, const SourceColumn& column,
                              const FoundTable& found) {
  const auto same_name = [&column](const FoundColumn& each) {
    return lower(each.name) == lower(column.name);
  };
  const auto at = std::find_if(found.columns.begin(), found.columns.end(), same_name);
  if (at != found.columns.end()) return *at;
  throw RunError(
      fmt::format("{}: {} in PostgreSQL has no such column: add it there, or drop it in "
                  "SQLite",
                  of(table, column), found.target));
}

MovedColumn use_column(const SourceTable& table, const SourceColumn& column,
                       const FoundColumn& found) {
  MovedColumn out{.name = column.name,
                  .plain = found.name,
                  .target = found.quoted,
                  .nullable = !found.not_null};
  const auto* const type =
      std::find_if(kTypes.begin(), kTypes.end(),
                   [&found](const TargetType& each) { return each.name == found.type; });
  if (type == kTypes.end()) {
    std::string right;
    for (const TargetType& each : kTypes)
      right += fmt::format("{}{}", right.empty() ? "" : ", ", each.name);
    throw RunError(
        fmt::format("{}: in PostgreSQL it is {}; right are {}: move it as one of these, "
                    "and ALTER TABLE afterwards",
                    of(table, column), found.type, right));
  }
  set_type(out, *type);
  return out;
}

void use_table(const SourceTable& table, const FoundTable& found, Mapping& mapping) {
  MovedTable& out = mapping.tables.emplace_back();
  out.name = table.name;
  out.target = found.target;
  for (const SourceColumn& column : table.columns) {
    const FoundColumn& target = column_for(table, column, found);
    if (target.generated) {
      mapping.notes.push_back(of(table, column) + ": PostgreSQL makes its values (GENERATED)");
      continue;
    }
    out.columns.push_back(use_column(table, column, target));
  }
}

// --- Tables that are made.

std::string names_of(const MovedTable& table, const std::vector<std::string>& columns) {
  return joined(columns, [&table](const std::string& name) {
    return std::find_if(
               table.columns.begin(), table.columns.end(),
               [&name](const MovedColumn& column) { return lower(column.name) == lower(name); })
        ->target;
  });
}

void plan_indexes(const SourceTable& table, MovedTable& out, std::vector<std::string>& notes) {
  for (const SourceIndex& index : table.indexes) {
    if (!index.plain) {
      notes.push_back(fmt::format(
          "table {}, index {}: not made (partial, on an expression, or of "
          "a collation of SQLite's)",
          printable(table.name), index.name.empty() ? "of UNIQUE" : printable(index.name)));
      continue;
    }
    out.after.push_back(fmt::format("CREATE {}INDEX {} ON {} ({})", index.unique ? "UNIQUE " : "",
                                    index.name.empty() ? "" : made_name(index.name), out.target,
                                    names_of(out, index.columns)));
  }
}

bool matches(const std::string& sql, const char* pattern) {
  return std::regex_search(sql, std::regex(pattern, std::regex::icase));
}

void note_losses(const SourceTable& table, std::vector<std::string>& notes) {
  std::vector<std::string> lost;
  if (table.foreign_keys) lost.emplace_back("foreign keys");
  if (matches(table.sql, R"(\bcheck\s*\()")) lost.emplace_back("CHECK");
  if (matches(table.sql, R"(\bcollate\b)")) lost.emplace_back("COLLATE");
  for (const SourceColumn& column : table.columns) {
    const std::string name = printable(column.name);
    if (column.has_default) lost.push_back("the default of " + name);
    if (column.generated) lost.push_back(name + " is a plain column, not GENERATED");
  }
  if (lost.empty()) return;
  notes.push_back(fmt::format("table {}: not made: {}", printable(table.name),
                              joined(lost, [](const std::string& each) { return each; })));
}

// The statement that makes it.
std::string plan_table(const Source& source, const SourceTable& table, Mapping& mapping,
                       const std::string& schema) {
  MovedTable& out = mapping.tables.emplace_back();
  out.name = table.name;
  out.target = schema + "." + made_name(table.name);
  out.made = true;
  std::string columns;
  std::vector<std::string> key(table.columns.size());
  for (const SourceColumn& column : table.columns) {
    const std::string_view type = type_of(source, table, column);
    MovedColumn moved{
        .name = column.name, .plain = lower(column.name), .target = made_name(column.name)};
    set_type(moved, *std::find_if(kTypes.begin(), kTypes.end(),
                                  [type](const TargetType& each) { return each.name == type; }));
    moved.nullable = !column.not_null && column.key == 0;
    columns +=
        fmt::format("{}{} {}{}{}", columns.empty() ? "" : ", ", moved.target, type,
                    column.key == 1 && table.rowid_key ? " GENERATED BY DEFAULT AS IDENTITY" : "",
                    moved.nullable ? "" : " NOT NULL");
    if (column.key > 0) key[static_cast<std::size_t>(column.key) - 1] = column.name;
    out.columns.push_back(std::move(moved));
  }
  std::erase(key, "");
  if (!key.empty()) columns += ", PRIMARY KEY (" + names_of(out, key) + ")";
  plan_indexes(table, out, mapping.notes);
  note_losses(table, mapping.notes);
  return fmt::format("CREATE TABLE {} ({})", out.target, columns);
}

// By which columns both sides are put in order.
void choose_key(const SourceTable& table, MovedTable& out) {
  std::vector<std::optional<std::size_t>> key(table.columns.size() + 1);
  bool complete = true;
  for (const SourceColumn& column : table.columns) {
    if (column.key == 0) continue;
    const auto at =
        std::find_if(out.columns.begin(), out.columns.end(),
                     [&column](const MovedColumn& each) { return each.name == column.name; });
    complete = complete && at != out.columns.end();
    if (at != out.columns.end()) {
      key[static_cast<std::size_t>(column.key)] =
          static_cast<std::size_t>(at - out.columns.begin());
    }
  }
  for (const auto& place : key) {
    if (place) out.key.push_back(*place);
  }
  out.has_key = complete && !out.key.empty();
  if (out.has_key) return;
  out.key.clear();
  for (std::size_t i = 0; i < out.columns.size(); ++i) out.key.push_back(i);
}

}  // namespace

Mapping map_tables(const Source& source, const std::vector<SourceTable>& tables, Server& server) {
  Mapping out;
  std::vector<std::string> made;
  const std::string schema = server.first("SELECT quote_ident(current_schema())");
  for (const SourceTable& table : tables) {
    if (const std::optional<FoundTable> found = find_table(table, server)) {
      use_table(table, *found, out);
    } else {
      made.push_back(plan_table(source, table, out, schema));
    }
    choose_key(table, out.tables.back());
  }
  for (const std::string& other : source.others()) out.notes.push_back(other + ": not made");
  for (const std::string& sql : made) server.run(sql);
  return out;
}

}  // namespace onelane::tools
