#include "tools/move/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "tools/database/reading.h"
#include "tools/kit/errors.h"
#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

using kit::printable;
using kit::RunError;

constexpr int kFirstFetch = 64;
constexpr int kFetchMost = 8192;
constexpr std::size_t kFetchBytes = std::size_t{4} * 1024 * 1024;
constexpr double kExactMost = 9007199254740992.0;  // 2^53: above it not all integers are doubles

std::string source_sql(const MovedTable& table) {
  const std::string columns =
      joined(table.columns, [](const MovedColumn& column) { return quoted_name(column.name); });
  const std::string order = joined(table.key, [&table](std::size_t key) {
    const MovedColumn& column = table.columns[key];
    return quoted_name(column.name) + (column.kind == Kind::text ? " COLLATE BINARY" : "");
  });
  return fmt::format("SELECT {} FROM {} ORDER BY {}", columns, quoted_name(table.name), order);
}

// In one of four types.
std::string target_value(const MovedColumn& column) {
  switch (column.kind) {
    case Kind::integer:
      return column.target + (column.boolean ? "::integer::bigint" : "::bigint");
    case Kind::text:
      return column.target + "::text";
    case Kind::real:
    case Kind::bytes:
      break;
  }
  return column.target;
}

std::string target_sql(const MovedTable& table) {
  const std::string order = joined(table.key, [&table](std::size_t key) {
    const MovedColumn& column = table.columns[key];
    return column.target + (column.kind == Kind::text ? " COLLATE \"C\"" : "") + " NULLS FIRST";
  });
  return fmt::format("SELECT {} FROM {} ORDER BY {}", joined(table.columns, target_value),
                     table.target, order);
}

std::uint64_t big_endian(const char* bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < sizeof out; ++i) {
    out = out << 8U | static_cast<unsigned char>(bytes[i]);
  }
  return out;
}

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::integer:
      return "an integer";
    case Kind::real:
      return "a double";
    case Kind::text:
      return "a text";
    case Kind::bytes:
      return "a blob";
  }
  return "";
}

Value value_of(sqlite3_stmt* statement, int column) {
  const auto bytes = [&](const void* data) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
    return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT:
      return bytes(sqlite3_column_text(statement, column));
    case SQLITE_BLOB:
      return Bytes{bytes(sqlite3_column_blob(statement, column))};
    default:
      return {};
  }
}

}  // namespace

std::string key_text(const MovedTable& table, const Row& row) {
  constexpr std::size_t kCharacters = 200;
  const std::string out = joined(table.key, [&](std::size_t key) {
    return printable(table.columns[key].name) + " = " + shown(row[key]);
  });
  return kit::clipped(out, kCharacters);
}

SourceRows::SourceRows(const Source& source, const MovedTable& table)
    : table_(table), statement_(source, source_sql(table)) {}

bool SourceRows::next(Row& row) {
  if (!statement_.step()) return false;
  row.resize(table_.columns.size());
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = value(i);
  return true;
}

Value SourceRows::value(std::size_t at) const {
  const MovedColumn& column = table_.columns[at];
  Value out = value_of(statement_.get(), static_cast<int>(at));
  if (std::holds_alternative<std::monostate>(out)) {
    if (!column.nullable) refuse(at, "is NULL, which PostgreSQL's column does not take");
    return out;
  }
  if (const auto* number = std::get_if<std::int64_t>(&out)) {
    const bool exact =
        static_cast<double>(*number) <= kExactMost && static_cast<double>(*number) >= -kExactMost;
    if (column.kind == Kind::real && exact) return static_cast<double>(*number);
    if (column.kind == Kind::integer && *number >= column.least && *number <= column.most) {
      return out;
    }
    if (column.kind == Kind::integer) {
      refuse(at, fmt::format("is {}; PostgreSQL's column takes {} to {}", *number, column.least,
                             column.most));
    }
  }
  if (const auto* text = std::get_if<std::string>(&out);
      text != nullptr && column.kind == Kind::text) {
    if (text->find('\0') != std::string::npos) {
      refuse(at, "is a text with a NUL byte, which PostgreSQL does not take");
    }
    if (!kit::is_utf8(*text)) refuse(at, "is a text that is no UTF-8: " + shown(out));
    return out;
  }
  const bool fits = (column.kind == Kind::real && std::holds_alternative<double>(out)) ||
                    (column.kind == Kind::bytes && std::holds_alternative<Bytes>(out));
  if (!fits)
    refuse(at, fmt::format("is {}; PostgreSQL's column takes {}", shown(out), name(column.kind)));
  return out;
}

void SourceRows::refuse(std::size_t at, const std::string& why) const {
  Row row(table_.columns.size());
  for (const std::size_t key : table_.key) {
    row[key] = value_of(statement_.get(), static_cast<int>(key));
  }
  throw RunError(fmt::format("table {}, row {}: {} {}; nothing was changed", printable(table_.name),
                             key_text(table_, row), printable(table_.columns[at].name), why));
}

TargetRows::TargetRows(Server& server, const MovedTable& table)
    : server_(server), table_(table), rows_(kFirstFetch) {
  server_.run("DECLARE onelane_rows NO SCROLL CURSOR FOR " + target_sql(table));
  fetch();
}

void TargetRows::fetch() {
  answer_ = server_.fetch(fmt::format("FETCH {} FROM onelane_rows", rows_));
  at_ = 0;
  const int got = PQntuples(answer_.get());
  ended_ = got < rows_;
  if (ended_) {
    server_.run("CLOSE onelane_rows");
    return;
  }
  // As many next time as take about kFetchBytes.
  const std::size_t bytes = std::max<std::size_t>(PQresultMemorySize(answer_.get()), 1);
  const std::size_t fit = kFetchBytes * static_cast<std::size_t>(got) / bytes;
  rows_ = static_cast<int>(std::clamp<std::size_t>(fit, 1, kFetchMost));
}

bool TargetRows::next(Row& row) {
  if (at_ == PQntuples(answer_.get())) {
    if (ended_) return false;
    fetch();
    if (PQntuples(answer_.get()) == 0) return false;
  }
  row.resize(table_.columns.size());
  for (int i = 0; i < PQnfields(answer_.get()); ++i) {
    const auto column = static_cast<std::size_t>(i);
    row[column] = {};
    if (PQgetisnull(answer_.get(), at_, i) != 0) continue;
    const char* const data = PQgetvalue(answer_.get(), at_, i);
    const std::string bytes(data, static_cast<std::size_t>(PQgetlength(answer_.get(), at_, i)));
    switch (table_.columns[column].kind) {
      case Kind::integer:
        row[column] = static_cast<std::int64_t>(big_endian(data));
        break;
      case Kind::real:
        row[column] = std::bit_cast<double>(big_endian(data));
        break;
      case Kind::text:
        row[column] = bytes;
        break;
      case Kind::bytes:
        row[column] = Bytes{bytes};
        break;
    }
  }
  ++at_;
  return true;
}

}  // namespace onelane::tools
