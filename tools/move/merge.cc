#include "tools/move/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "tools/kit/errors.h"
#include "tools/kit/printable.h"
#include "tools/move/rows.h"
#include "tools/move/value.h"

namespace onelane::tools {
namespace {

using kit::RunError;

constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;         // of a COPY
constexpr std::size_t kStagedBytes = std::size_t{4} * 1024 * 1024;  // in memory

// Where differences are put until all are known: a row may take a value that must be the only one
// of a row that comes later, and goes.
constexpr char kStage[] = "pg_temp.onelane_differences";

std::string column_list(const MovedTable& table) {
  return joined(table.columns, [](const MovedColumn& column) { return column.target; });
}

void append_row(std::string& out, const Row& row) {
  bool first = true;
  for (const Value& value : row) {
    if (!first) out += '\t';
    first = false;
    append_copied(out, value);
  }
  out += '\n';
}

std::uint64_t copy_all(const Source& source, Server& server, const MovedTable& table) {
  server.begin_copy(fmt::format("COPY {} ({}) FROM STDIN", table.target, column_list(table)));
  SourceRows rows(source, table);
  std::string piece;
  for (Row row; rows.next(row);) {
    append_row(piece, row);
    if (piece.size() < kPieceBytes) continue;
    server.put(piece);
    piece.clear();
  }
  server.put(piece);
  return server.end_copy();
}

int compare_keys(const MovedTable& table, const Row& a, const Row& b) {
  for (const std::size_t key : table.key) {
    if (const int order = compare(a[key], b[key]); order != 0) return order;
  }
  return 0;
}

enum class Difference { missing, other, surplus };

// Calls `differs` with each difference and the row: SQLite's, or PostgreSQL's of one that is to go.
// Returns how many rows SQLite has.
template <class Function>
std::uint64_t merge(SourceRows& source, TargetRows& target, const MovedTable& table,
                    const Function& differs) {
  std::uint64_t rows = 0;
  Row ours;
  Row theirs;
  bool more = target.next(theirs);
  while (source.next(ours)) {
    ++rows;
    int order = more ? compare_keys(table, theirs, ours) : 1;
    for (; order < 0; order = more ? compare_keys(table, theirs, ours) : 1) {
      differs(Difference::surplus, theirs);
      more = target.next(theirs);
    }
    if (order > 0) {
      differs(Difference::missing, ours);
      continue;
    }
    if (!same(ours, theirs)) differs(Difference::other, ours);
    more = target.next(theirs);
  }
  for (; more; more = target.next(theirs)) differs(Difference::surplus, theirs);
  return rows;
}

// The differences of a table with a key.
class Stage {
 public:
  Stage(Server& server, const MovedTable& table) : server_(server), table_(table) {
    server_.run(fmt::format(
        "CREATE TEMPORARY TABLE onelane_differences AS SELECT ''::text AS onelane_what, {} FROM {} "
        "WITH NO DATA",
        column_list(table), table.target));
  }

  void add(Difference what, const Row& row) {
    ++staged_[static_cast<std::size_t>(what)];
    pending_ += kNames[static_cast<std::size_t>(what)];
    pending_ += '\t';
    append_row(pending_, row);
    if (pending_.size() >= kStagedBytes) flush();
  }

  // What must go goes first, so that its values are free.
  Moved apply() {
    flush();
    server_.run(fmt::format("ANALYZE {}", kStage));
    Moved out;
    server_.run(remove(Difference::surplus));
    out.deleted = expect(Difference::surplus);
    out.changed = update();
    server_.run(insert(Difference::missing));
    out.copied = server_.changes();
    server_.run(fmt::format("DROP TABLE {}", kStage));
    return out;
  }

 private:
  static constexpr char kNames[] = {'m', 'o', 's'};

  void flush() {
    if (pending_.empty()) return;
    server_.begin_copy(
        fmt::format("COPY {} (onelane_what, {}) FROM STDIN", kStage, column_list(table_)));
    server_.put(pending_);
    server_.end_copy();
    pending_.clear();
  }

  std::string matches(Difference what) const {
    std::string out = fmt::format("d.onelane_what = '{}'", kNames[static_cast<std::size_t>(what)]);
    for (const std::size_t key : table_.key) {
      out += fmt::format(" AND t.{0} = d.{0}", table_.columns[key].target);
    }
    return out;
  }
  std::string remove(Difference what) const {
    return fmt::format("DELETE FROM {} AS t USING {} AS d WHERE {}", table_.target, kStage,
                       matches(what));
  }
  std::string insert(Difference what) const {
    return fmt::format(
        "INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM {2} WHERE onelane_what = "
        "'{3}'",
        table_.target, column_list(table_), kStage, kNames[static_cast<std::size_t>(what)]);
  }

  // PostgreSQL checks each row as it changes it, so two rows cannot exchange a unique value. Then
  // all changed rows go and come again.
  std::uint64_t update() {
    std::string set;
    for (std::size_t i = 0; i < table_.columns.size(); ++i) {
      if (std::find(table_.key.begin(), table_.key.end(), i) != table_.key.end()) continue;
      set += fmt::format("{0}{1} = d.{1}", set.empty() ? "" : ", ", table_.columns[i].target);
    }
    if (set.empty()) return 0;  // all is key
    const bool updated =
        server_.try_unique(fmt::format("UPDATE {} AS t SET {} FROM {} AS d WHERE {}", table_.target,
                                       set, kStage, matches(Difference::other)));
    if (updated) return expect(Difference::other);
    refuse_if_more_would_go();
    server_.run(remove(Difference::other));
    expect(Difference::other);
    server_.run(insert(Difference::other));
    return server_.changes();
  }

  // The last statement's rows: of each key one.
  std::uint64_t expect(Difference what) const {
    const std::uint64_t staged = staged_[static_cast<std::size_t>(what)];
    if (server_.changes() == staged) return staged;
    throw RunError(fmt::format(
        "table {}: {} rows of {} were to be changed or deleted, and {} were: it has rows with "
        "the same key, so make its primary key; or a trigger or a rule is in the way. Nothing was "
        "changed",
        kit::printable(table_.name), staged, table_.target, server_.changes()));
  }

  // What a row has that is deleted and inserted, but SQLite's does not.
  void refuse_if_more_would_go() {
    const std::string ours =
        joined(table_.columns, [](const MovedColumn& column) { return sql_text(column.plain); });
    const std::string what = server_.first(fmt::format(
        "SELECT string_agg(each, ', ') FROM (SELECT 'column ' || attname AS each FROM pg_attribute "
        "WHERE attrelid = {0}::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' "
        "AND attname NOT IN ({1}) UNION ALL SELECT 'foreign key ' || conname || ' of ' || "
        "conrelid::regclass FROM pg_constraint WHERE contype = 'f' AND confrelid = {0}::regclass "
        "AND confdeltype IN ('c', 'n', 'd')) AS all_of_them",
        sql_text(table_.target), ours));
    if (what.empty()) return;
    throw RunError(
        fmt::format("table {}: rows of {} exchange a unique value, so they would have to be "
                    "deleted and inserted, which PostgreSQL's {} does not survive: make the unique "
                    "constraint DEFERRABLE, or drop it until all is moved. Nothing was changed",
                    kit::printable(table_.name), table_.target, kit::printable(what)));
  }

  Server& server_;
  const MovedTable& table_;
  std::string pending_;
  std::array<std::uint64_t, 3> staged_{};  // of each Difference
};

Moved write_differences(const Source& source, Server& server, const MovedTable& table) {
  Stage stage(server, table);
  SourceRows ours(source, table);
  TargetRows theirs(server, table);
  const std::uint64_t rows = merge(
      ours, theirs, table, [&stage](Difference what, const Row& row) { stage.add(what, row); });
  Moved out = stage.apply();
  out.rows = rows;
  return out;
}

Moved copy_anew_if_different(const Source& source, Server& server, const MovedTable& table) {
  std::uint64_t differences = 0;
  SourceRows ours(source, table);
  TargetRows theirs(server, table);
  Moved out;
  out.rows =
      merge(ours, theirs, table, [&](Difference /*what*/, const Row& /*row*/) { ++differences; });
  if (differences == 0) return out;
  server.run("DELETE FROM " + table.target);
  out.deleted = server.changes();
  out.copied = copy_all(source, server, table);
  return out;
}

}  // namespace

Moved make_equal(const Source& source, Server& server, const MovedTable& table) {
  const bool empty = table.made || server.first(fmt::format("SELECT EXISTS(SELECT 1 FROM {})",
                                                            table.target)) == "f";
  if (empty) {
    const std::uint64_t rows = copy_all(source, server, table);
    return {.rows = rows, .copied = rows};
  }
  return table.has_key ? write_differences(source, server, table)
                       : copy_anew_if_different(source, server, table);
}

std::uint64_t verify_equal(const Source& source, Server& server, const MovedTable& table) {
  SourceRows ours(source, table);
  TargetRows theirs(server, table);
  return merge(ours, theirs, table, [&table](Difference what, const Row& row) {
    throw RunError(fmt::format(
        "table {}, row {}: {} in {} after it was copied: a trigger, a rule or somebody else "
        "changed it; nothing was changed",
        kit::printable(table.name), key_text(table, row),
        what == Difference::missing
            ? "it is missing"
            : (what == Difference::surplus ? "it is one too many" : "it has other values"),
        table.target));
  });
}

}  // namespace onelane::tools
