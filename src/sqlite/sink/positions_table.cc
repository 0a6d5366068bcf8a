#include "src/sqlite/sink/positions_table.h"

#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "src/base/digits.h"
#include "src/base/memory.h"
#include "src/model/row.h"
#include "src/sqlite/connection/own_transaction.h"

namespace onelane::inline v0::sqlite {

namespace {

using base::hex;
using base::joined;
using base::number_of;
using base::unhex_uuid;

constexpr std::int64_t kFormat = 1;
// Of the mark.
constexpr std::uint64_t kInUse = 0;
constexpr std::uint64_t kClean = 1;
constexpr std::uint64_t kOpening = 2;
constexpr char kColumns[] =
    "(class TEXT PRIMARY KEY, position INTEGER NOT NULL, waiting TEXT, journaled INTEGER NOT NULL)";
constexpr char kLetterColumns[] =
    "(class TEXT, position INTEGER, statement TEXT, row TEXT, cause TEXT, time INTEGER)";

// Milliseconds since 1970.
constexpr char kNow[] = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";

std::string quoted(const std::string& name) { return "main.\"" + name + '"'; }

// The text up to the separator, which is taken off the front with it.
std::string_view cut(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return out;
}

// A row's values as SQL writes them.
struct Literals {
  std::string out{};

  void next() {
    if (!out.empty()) out += ", ";
  }
  void null() { next(), out += "NULL"; }
  void integer(std::int64_t value) { next(), out += std::to_string(value); }
  void real(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.17g", value);
    next(), out += text.data();
  }
  void text(const char* data, std::size_t size) {
    next();
    out += '\'';
    for (const char c : std::string_view(data, size)) {
      if (c == '\'') out += '\'';
      out += c;
    }
    out += '\'';
  }
  void blob(const std::byte* data, std::size_t size) {
    next();
    out += "x'" + hex({data, size}) + '\'';
  }
};

std::string literals(std::span<const std::byte> row) {
  Literals values;
  model::RowReader reader(row);
  model::RowValue value;
  while (reader.next(value)) {
    switch (value.tag) {
      case model::Tag::null:
        values.null();
        break;
      case model::Tag::integer:
        values.integer(value.integer);
        break;
      case model::Tag::real:
        values.real(value.real);
        break;
      case model::Tag::text:
        values.text(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
        break;
      case model::Tag::blob:
        values.blob(value.bytes.data(), value.bytes.size());
        break;
    }
  }
  return std::move(values.out);
}

// Binds ?1, ?2, ... in order; code() is SQLite's for the first that failed.
class Binding {
 public:
  explicit Binding(sqlite3_stmt* statement) : statement_(statement) {}

  Binding& text(std::string_view text) {
    return note(sqlite3_bind_text64(statement_, ++at_, text.data(), text.size(), SQLITE_TRANSIENT,
                                    SQLITE_UTF8));
  }
  Binding& number(std::uint64_t value) {
    return note(sqlite3_bind_int64(statement_, ++at_, static_cast<sqlite3_int64>(value)));
  }
  Binding& null() { return note(sqlite3_bind_null(statement_, ++at_)); }
  int code() const { return code_; }

 private:
  Binding& note(int code) {
    if (code_ == SQLITE_OK) code_ = code;
    return *this;
  }

  sqlite3_stmt* const statement_;
  int at_ = 0;
  int code_ = SQLITE_OK;
};

Status at_open(const Reply& failed) {
  const Errc code = failed.fault == Fault::record ? Errc::invalid_argument : failed.cause.code();
  return {code, failed.cause.message(), failed.cause.sqlite_code()};
}

// Units are not to blame for it, and wait until it is put right.
Reply not_the_units_fault(Reply reply) {
  if (reply.fault != Fault::record) return reply;
  reply.fault = Fault::environment;
  reply.cause = {Errc::storage, reply.cause.message(), reply.cause.sqlite_code()};
  return reply;
}

}  // namespace

PositionsTable::PositionsTable(Connection& connection, const IntakeOptions& options)
    : connection_(connection),
      name_(options.positions),
      table_(quoted(options.positions)),
      letters_(options.dead_letters.empty() ? "" : quoted(options.dead_letters)) {}

Reply PositionsTable::advance(const ClassProgress& progress) {
  Reply reply = write_progress(progress);
  if (Connection::may_be_stale(reply.cause.sqlite_code())) {  // there may be no table any more
    reply = make();
    if (reply.ok()) reply = write_progress(progress);
  }
  return not_the_units_fault(std::move(reply));
}

Reply PositionsTable::write_progress(const ClassProgress& progress) {
  const bool first = progress.expected == 0;
  Prepared& statement = first ? first_ : next_;
  Reply reply = prepared(
      statement,
      first ? "INSERT INTO " + table_ +
                  "(class, position, waiting, journaled) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(class) "
                  "DO UPDATE SET position = excluded.position, waiting = excluded.waiting, "
                  "journaled = excluded.journaled WHERE position = ?5"
            : "UPDATE " + table_ +
                  " SET position = ?2, waiting = ?3, journaled = ?4 WHERE class = ?1 AND position "
                  "= ?5");
  if (!reply.ok()) return reply;
  Binding bind(statement.get());
  bind.text(progress.name).number(progress.position);
  progress.waiting.empty() ? bind.null() : bind.text(joined(progress.waiting));
  bind.number(progress.journaled).number(progress.expected);
  reply = failure(bind.code());
  if (reply.ok()) reply = write(statement);
  if (!reply.ok() || sqlite3_changes(connection_.handle()) != 0) return reply;
  reply.fault = Fault::corrupt;
  reply.effect = Effect::kept;
  reply.cause = {Errc::corrupt, "table " + name_ + ": class \"" + std::string(progress.name) +
                                    "\" is not at position " + std::to_string(progress.expected) +
                                    " any more: somebody else has changed it"};
  return reply;
}

Reply PositionsTable::bury(const DeadLetter& letter) {
  if (letters_.empty()) {
    Reply reply;
    reply.fault = Fault::environment;
    reply.effect = Effect::kept;
    reply.cause = {Errc::storage,
                   "the database refused a journaled unit (" + letter.cause.message() +
                       "), and IntakeOptions::dead_letters names no table to keep it in"};
    return reply;
  }
  Reply reply = write_letter(letter);
  if (Connection::may_be_stale(reply.cause.sqlite_code())) {
    reply = make();
    if (reply.ok()) reply = write_letter(letter);
  }
  return not_the_units_fault(std::move(reply));
}

Reply PositionsTable::write_letter(const DeadLetter& letter) {
  Reply reply = prepared(bury_, "INSERT INTO " + letters_ +
                                    "(class, position, statement, row, cause, time) "
                                    "VALUES(?1, ?2, ?3, ?4, ?5, " +
                                    kNow + ")");
  if (!reply.ok()) return reply;
  Binding bind(bury_.get());
  bind.text(letter.name).number(letter.position).text(letter.sql);
  bind.text(literals(letter.row)).text(letter.cause.to_string());
  reply = failure(bind.code());
  return reply.ok() ? write(bury_) : reply;
}

Reply PositionsTable::make() {
  std::string ignored;
  Reply reply = run("CREATE TABLE IF NOT EXISTS " + table_ + kColumns, ignored);
  if (!reply.ok() || letters_.empty()) return reply;
  return run("CREATE TABLE IF NOT EXISTS " + letters_ + kLetterColumns, ignored);
}

Result<bool> PositionsTable::exists() {
  std::string count;
  const Reply reply =
      run("SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND "
          "lower(name) = lower('" +
              name_ + "')",
          count);
  return reply.ok() ? Result<bool>(count != "0") : Result<bool>(at_open(reply));
}

Result<std::optional<IntakeMark>> PositionsTable::mark() {
  using Found = std::optional<IntakeMark>;
  const Result<bool> there = exists();
  if (!there) return there.status();
  if (!*there) return Found();
  std::string row;
  const Reply reply = run(
      "SELECT journaled || ':' || position || ':' || waiting FROM " + table_ + " WHERE class = ''",
      row);
  if (!reply.ok()) return at_open(reply);
  if (row.empty()) return Found();
  std::string_view rest = row;
  const std::uint64_t format = number_of(cut(rest, ':'));
  if (format > kFormat) {
    return Status(Errc::invalid_argument, "table " + name_ + " has format " +
                                              std::to_string(format) + "; this onelane knows " +
                                              std::to_string(kFormat));
  }
  IntakeMark mark;
  const std::uint64_t state = number_of(cut(rest, ':'));
  mark.clean = state == kClean;
  mark.opening = state == kOpening;
  mark.uuid = unhex_uuid(cut(rest, '@'));
  std::string schema;
  const Reply asked = run("PRAGMA schema_version", schema);
  if (!asked.ok()) return at_open(asked);
  mark.copied = number_of(schema) < number_of(rest);
  return Found(mark);
}

Reply PositionsTable::write_mark(const IntakeMark& mark) {
  const std::string uuid = hex(mark.uuid);
  const std::uint64_t state = mark.clean ? kClean : mark.opening ? kOpening : kInUse;
  const std::string goes_on =
      "EXISTS(SELECT 1 FROM " + table_ + " WHERE class = '' AND waiting LIKE '" + uuid + "@%')";
  std::string ignored;
  Reply reply = make();
  if (reply.ok()) {
    reply = run("UPDATE " + table_ +
                    " SET position = max(position, journaled), waiting = NULL WHERE class <> ''" +
                    (mark.opening ? " AND NOT " + goes_on : ""),
                ignored);
  }
  std::string schema;
  if (reply.ok()) reply = run("PRAGMA schema_version", schema);
  if (reply.ok()) {
    reply = run("INSERT OR REPLACE INTO " + table_ +
                    "(class, position, waiting, journaled) VALUES('', " + std::to_string(state) +
                    ", '" + uuid + "@" + schema + "', " + std::to_string(kFormat) + ")",
                ignored);
  }
  if (reply.ok()) in_use_ = true;
  return reply;
}

Result<std::vector<FoundProgress>> PositionsTable::found() {
  std::string rows;
  const Reply reply =
      run("SELECT group_concat(class || ':' || position || ':' || journaled || "
          "':' || ifnull(waiting, ''), ';') FROM " +
              table_ + " WHERE class <> ''",
          rows);
  if (!reply.ok()) return at_open(reply);
  std::vector<FoundProgress> out;
  for (std::string_view rest = rows; !rest.empty();) {
    std::string_view row = cut(rest, ';');
    FoundProgress progress;
    progress.name = cut(row, ':');
    progress.position = number_of(cut(row, ':'));
    progress.journaled = number_of(cut(row, ':'));
    while (!row.empty()) progress.waiting.push_back(number_of(cut(row, ',')));
    out.push_back(std::move(progress));
  }
  return out;
}

Reply PositionsTable::probe() {
  if (!in_use_) return {};
  std::string ignored;
  Reply reply = make();
  if (reply.ok()) reply = run("SELECT 1 FROM " + table_ + " LIMIT 1", ignored);
  if (reply.ok() && buries()) reply = run("SELECT 1 FROM " + letters_ + " LIMIT 1", ignored);
  return not_the_units_fault(std::move(reply));
}

void PositionsTable::finalize() noexcept {
  for (Prepared* each : {&first_, &next_, &bury_}) each->reset();
}

Reply PositionsTable::prepared(Prepared& statement, const std::string& sql) {
  if (statement != nullptr) return {};
  return failure(connection_.prepare_own(sql, Keep::long_time, statement));
}

Reply PositionsTable::write(Prepared& statement) {
  return failure(connection_.step_own(statement.get()));
}

Reply PositionsTable::run(const std::string& sql, std::string& answer) {
  return failure(connection_.run_own(sql, answer));
}

// The failure is classed as that of a user's statement, since the tables are theirs.
Reply PositionsTable::failure(int code) {
  if (code == SQLITE_OK) return {};
  return connection_.failure(code, Place::statement, "the intake's table " + name_);
}

}  // namespace onelane::inline v0::sqlite
