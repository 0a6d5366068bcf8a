#include "src/postgres/positions_table.h"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "src/base/digits.h"
#include "src/model/row.h"
#include "src/postgres/rows.h"

namespace onelane::inline v0::postgres {

namespace {

using base::hex;
using base::joined;
using base::number_of;
using base::unhex_uuid;

constexpr std::uint64_t kFormat = 1;
// Of the mark.
constexpr std::uint64_t kInUse = 0;
constexpr std::uint64_t kClean = 1;
constexpr std::uint64_t kOpening = 2;

Status at_open(const Reply& failed) { return failed.cause; }

std::vector<std::uint64_t> split(std::string_view text) {
  std::vector<std::uint64_t> out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    out.push_back(number_of(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

// A text with a NUL byte, which PostgreSQL refuses and no text of its own can show, is written as
// the bytes that it is.
struct Literals {
  std::string out{};

  void next() {
    if (!out.empty()) out += ", ";
  }
  void null() { next(), out += "NULL"; }
  void integer(std::int64_t value) { next(), out += std::to_string(value); }
  void real(double value) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    next(), out += std::string(digits.data(), end);
  }
  void text(std::string_view value) {
    if (value.find('\0') != value.npos) return blob(std::as_bytes(std::span(value)));
    next(), out += literal(value);
  }
  void blob(std::span<const std::byte> value) { next(), out += "'\\x" + hex(value) + '\''; }
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
        values.text({reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
        break;
      case model::Tag::blob:
        values.blob(value.bytes);
        break;
    }
  }
  return std::move(values.out);
}

// What is to be kept may not be UTF-8, which a text must be.
std::string readable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80 || c == '\0') c = '?';
  }
  return text;
}

}  // namespace

Reply PositionsTable::make() {
  return session_.script("CREATE TABLE IF NOT EXISTS " + positions() +
                             "(class text PRIMARY KEY, position bigint NOT NULL, waiting text, "
                             "journaled bigint NOT NULL); CREATE TABLE IF NOT EXISTS " +
                             letters() +
                             "(class text, position bigint, statement text, \"row\" text, cause "
                             "text, time timestamptz DEFAULT now())",
                         Whose::ours);
}

void PositionsTable::queue_advance(const ClassProgress& progress) {
  const std::string waiting = joined(progress.waiting);
  Parameters parameters;
  parameters.clear(progress.name.size() + waiting.size() + 2 + 3 * sizeof(std::uint64_t));
  parameters.text(progress.name);
  parameters.number(progress.position);
  progress.waiting.empty() ? parameters.null() : parameters.text(waiting);
  parameters.number(progress.journaled);
  parameters.number(progress.expected);
  const std::string sql =
      "WITH advanced AS (" +
      (progress.expected == 0
           ? "INSERT INTO " + positions() +
                 " AS at(class, position, waiting, journaled) VALUES($1, $2, $3, $4) ON "
                 "CONFLICT(class) DO UPDATE SET position = excluded.position, waiting = "
                 "excluded.waiting, journaled = excluded.journaled WHERE at.position = $5"
           : "UPDATE " + positions() +
                 " SET position = $2, waiting = $3, journaled = $4 WHERE class = $1 AND position = "
                 "$5") +
      " RETURNING 1) SELECT 1 / count(*) FROM advanced";
  session_.connection().run(sql.c_str(), parameters);
}

std::string PositionsTable::elsewhere(const ClassProgress& progress) const {
  return "table " + positions() + ": class \"" + std::string(progress.name) +
         "\" is not at position " + std::to_string(progress.expected) +
         " any more: somebody else has changed it";
}

void PositionsTable::queue_bury(const DeadLetter& letter) {
  const std::string row = readable(literals(letter.row));
  const std::string sql = readable(std::string(letter.sql));
  const std::string cause = readable(letter.cause.message());
  Parameters parameters;
  parameters.clear(letter.name.size() + sql.size() + row.size() + cause.size() + 4 +
                   sizeof(std::uint64_t));
  parameters.text(letter.name);
  parameters.number(letter.position);
  parameters.text(sql);
  parameters.text(row);
  parameters.text(cause);
  const std::string insert =
      "INSERT INTO " + letters() +
      "(class, position, statement, \"row\", cause) VALUES($1, $2, $3, $4, $5)";
  session_.connection().run(insert.c_str(), parameters);
}

Reply PositionsTable::probe() {
  ResultPtr answer;
  Reply reply =
      session_.ask("UPDATE " + positions() + " SET position = position WHERE class = ''", answer);
  if (!reply.ok()) return reply;
  return session_.ask("INSERT INTO " + letters() + "(class) SELECT '' WHERE false", answer);
}

Result<std::optional<IntakeMark>> PositionsTable::mark() {
  using Found = std::optional<IntakeMark>;
  ResultPtr answer;
  const Reply reply = session_.ask(
      "SELECT position, waiting, journaled FROM " + positions() + " WHERE class = ''", answer);
  if (!reply.ok()) return at_open(reply);
  if (PQntuples(answer.get()) == 0) return Found();
  const std::uint64_t format = number_of(value_of(answer.get(), 0, 2));
  if (format > kFormat) {
    return Status(Errc::invalid_argument, "table " + positions() + " has format " +
                                              std::to_string(format) + "; this onelane knows " +
                                              std::to_string(kFormat));
  }
  const std::uint64_t state = number_of(value_of(answer.get()));
  IntakeMark mark;
  mark.clean = state == kClean;
  mark.opening = state == kOpening;
  mark.uuid = unhex_uuid(value_of(answer.get(), 0, 1));
  return Found(mark);
}

Reply PositionsTable::write_mark(const IntakeMark& mark) {
  const std::string uuid = hex(mark.uuid);
  const std::uint64_t state = mark.clean ? kClean : mark.opening ? kOpening : kInUse;
  const std::string goes_on = "EXISTS(SELECT 1 FROM " + positions() +
                              " WHERE class = '' AND waiting = " + literal(uuid) + ")";
  ResultPtr answer;
  Reply reply = session_.ask(
      "UPDATE " + positions() +
          " SET position = greatest(position, journaled), waiting = NULL WHERE class <> ''" +
          (mark.opening ? " AND NOT " + goes_on : ""),
      answer);
  if (!reply.ok()) return reply;
  return session_.ask(
      "INSERT INTO " + positions() + "(class, position, waiting, journaled) VALUES('', " +
          std::to_string(state) + ", " + literal(uuid) + ", " + std::to_string(kFormat) +
          ") ON CONFLICT(class) DO UPDATE SET position = excluded.position, "
          "waiting = excluded.waiting, journaled = excluded.journaled",
      answer);
}

Result<std::vector<FoundProgress>> PositionsTable::found() {
  ResultPtr answer;
  const Reply reply = session_.ask(
      "SELECT class, position, journaled, waiting FROM " + positions() + " WHERE class <> ''",
      answer);
  if (!reply.ok()) return at_open(reply);
  std::vector<FoundProgress> out;
  for (int row = 0; row < PQntuples(answer.get()); ++row) {
    FoundProgress progress;
    progress.name = value_of(answer.get(), row, 0);
    progress.position = number_of(value_of(answer.get(), row, 1));
    progress.journaled = number_of(value_of(answer.get(), row, 2));
    progress.waiting = split(value_of(answer.get(), row, 3));
    out.push_back(std::move(progress));
  }
  return out;
}

}  // namespace onelane::inline v0::postgres
