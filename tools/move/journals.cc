#include "tools/move/journals.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/database/reading.h"
#include "tools/kit/errors.h"
#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

using kit::printable;
using kit::RunError;

struct Used {
  std::string prefix;
  std::string table;  // with its schema, in quotes
};

// Those of the given prefix and of others, in the schema in which a sink makes its tables.
std::vector<Used> commits_tables(Server& server, const TargetPrefix& prefix) {
  std::vector<Used> out;
  const auto found = server.ask(
      "SELECT left(c.relname, -length('_commits')), quote_ident(n.nspname) || '.' || "
      "quote_ident(c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
      "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND c.relname LIKE "
      "'%\\_commits' AND (SELECT array_agg(attname::text ORDER BY attname::text) FROM pg_attribute "
      "WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) = ARRAY['commits', 'epoch', "
      "'turn'] ORDER BY 1");
  for (const auto& row : found) {
    const bool beside =
        std::find(prefix.beside.begin(), prefix.beside.end(), *row[0]) != prefix.beside.end();
    if (!beside || *row[0] == prefix.name) out.push_back({.prefix = *row[0], .table = *row[1]});
  }
  return out;
}

// The backend that has the lock of a journal's prefix (src/postgres/session.cc); empty: none.
std::string holder(Server& server, const std::string& prefix) {
  return server.first(fmt::format(
      "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND "
      "database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND "
      "(classid::bigint << 32 | objid::bigint) = hashtextextended('onelane ' || "
      "quote_ident(current_schema()) || '.' || {}, 0)",
      sql_text(prefix)));
}

// Each commit of a journal is a turn; the sink that a move opens makes none.
std::string turns(Server& server, const Used& used) {
  return server.first("SELECT coalesce(sum(turn), 0)::text FROM " + used.table + " WHERE turn > 0");
}

void refuse_ours(Server& server, const Used& used, Overwrite overwrite) {
  const std::string made = turns(server, used);
  if (made == "0" || overwrite == Overwrite::yes) return;
  throw RunError(fmt::format(
      "a journal with the prefix {} has made {} commits in PostgreSQL, which SQLite does not "
      "have: they would be undone. Nothing was changed; if they are to be, say --overwrite",
      used.prefix, made));
}

void refuse_other(Server& server, const Used& used) {
  const bool open = !holder(server, used.prefix).empty();
  const std::string made = open ? "" : turns(server, used);
  if (made == "0") return;
  throw RunError(fmt::format(
      "a journal with another prefix, {0}, {1}: nothing was changed. If it is this service's, say "
      "--prefix {0}; if it is another one's, which writes other tables, --beside {0}",
      printable(used.prefix),
      open ? "has PostgreSQL's tables open" : "has made " + made + " commits in PostgreSQL"));
}

}  // namespace

void refuse_if_used(Server& server, const TargetPrefix& prefix) {
  for (const Used& used : commits_tables(server, prefix)) {
    if (used.prefix != prefix.name) {
      refuse_other(server, used);
      continue;
    }
    // One that is open refuses the sink.
    if (holder(server, used.prefix).empty()) refuse_ours(server, used, prefix.overwrite);
  }
}

std::string hold_journals(Server& server, const TargetPrefix& prefix) {
  std::string backend = holder(server, prefix.name);
  if (backend.empty()) {
    throw RunError(
        "PostgreSQL: two connections of one conninfo do not see each other's locks; name one "
        "server and no pooler. Nothing was changed");
  }
  for (const Used& used : commits_tables(server, prefix)) {
    const bool ours = used.prefix == prefix.name;
    if (!ours) refuse_other(server, used);
    // An opening writes to it, and so does each commit.
    server.run("LOCK TABLE " + used.table + " IN SHARE ROW EXCLUSIVE MODE");
    if (!ours) {
      refuse_other(server, used);
      continue;
    }
    refuse_ours(server, used, prefix.overwrite);
    server.run("DELETE FROM " + used.table + " WHERE turn > 0");
  }
  return backend;
}

void check_held(Server& server, const TargetPrefix& prefix, const std::string& backend) {
  if (holder(server, prefix.name) == backend) return;
  throw RunError(
      fmt::format("PostgreSQL: the connection that kept journals with the prefix {} away was lost; "
                  "nothing was changed, run this again",
                  prefix.name));
}

}  // namespace onelane::tools
