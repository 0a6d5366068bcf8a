#include "tests/prove/causes.h"

#include <sqlite3.h>

#include <cstdlib>
#include <cstring>
#include <iterator>

namespace onelane::prove {

using test::PoisonKind;
using test::Repeat;
using test::Takes;

const char* const kStrikeSchema =
    "CREATE TABLE lone(id INTEGER PRIMARY KEY, word);"
    "CREATE TABLE ballast(words);"
    "INSERT INTO ballast WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n"
    "  WHERE i < 30) SELECT hex(zeroblob(2000)) FROM n;";

namespace {

// In front of a word that strikes: the statement answers with the code that follows, or the disk
// does, or it is interrupted.
constexpr char kAnswers = '!';
constexpr char kDiskFails = '?';
constexpr const char* kInterrupts = "interrupt";

// One row, whose failure takes the transaction along where its statement has no journal; two rows,
// where it has one; one that reads more pages than the cache has. (None is written before COMMIT.)
constexpr PoisonKind kLone{
    "Lone", "lone", "INSERT INTO lone VALUES(-?1, strike(?3))", "", Takes::nothing, 0, ""};
constexpr PoisonKind kPair{
    "Pair", "plain", "INSERT INTO plain VALUES(?1, ?2), (-?1, strike(?3))", "", Takes::nothing,
    0,      ""};
constexpr PoisonKind kReading{
    "Reading",
    "lone",
    "INSERT INTO lone VALUES(-?1, strike(?3) || substr((SELECT max(words) FROM ballast), 1, 0))",
    "",
    Takes::nothing,
    0,
    ""};

struct Strike {
  std::string_view word;
  int code;
  Answer answer;  // where the record is struck each time
};
constexpr Strike kCodes[] = {
    {"!1", SQLITE_ERROR, Answer::rejected},
    {"!4", SQLITE_ABORT, Answer::rejected},
    {"!5", SQLITE_BUSY, Answer::rejected},
    {"!6", SQLITE_LOCKED, Answer::rejected},
    {"!7", SQLITE_NOMEM, Answer::rejected},
    {"!8", SQLITE_READONLY, Answer::rejected},
    {"!9", SQLITE_INTERRUPT, Answer::rejected},
    {"!10", SQLITE_IOERR, Answer::rejected},
    {"!13", SQLITE_FULL, Answer::rejected},
    {"!14", SQLITE_CANTOPEN, Answer::rejected},
    {"!11", SQLITE_CORRUPT, Answer::rejected},
    {"!267", SQLITE_CORRUPT_VTAB, Answer::rejected},
    {"!1034", SQLITE_IOERR_FSYNC, Answer::poisoned},
};
constexpr Strike kWhileReading[] = {
    {"?266", SQLITE_IOERR_READ, Answer::rejected},
    {kInterrupts, SQLITE_INTERRUPT, Answer::rejected},
};

// Whose fault it is does not depend on the record, so that it may run again.
bool environments(const Strike& strike) {
  const bool own = strike.code == SQLITE_ERROR || strike.code == SQLITE_ABORT ||
                   strike.code == SQLITE_LOCKED || strike.code == SQLITE_CORRUPT_VTAB;
  return !own && strike.answer != Answer::poisoned;
}

void add(std::vector<Cause>& out, const PoisonKind& shape, std::span<const Strike> strikes) {
  for (const Strike& strike : strikes) {
    PoisonKind kind = shape;
    kind.bad_word = strike.word;
    kind.sqlite_code = strike.code;
    out.push_back({.kind = kind, .answer = strike.answer});
    if (environments(strike)) {
      out.push_back({.kind = kind, .answer = Answer::committed, .repeat = Repeat::once});
    }
  }
}

struct State {
  std::shared_ptr<test::Disk> disk;
  Repeat repeat = Repeat::once;
  std::uint64_t count = 0;
  std::vector<Strikes::Write> writes;
};
State g_state;  // auto-extensions get no argument

void strike_by(sqlite3_context* context, const char* word) {
  const int code = std::atoi(word + 1);
  if (word[0] == kAnswers) {
    sqlite3_result_error_code(context, code);
    if (code == SQLITE_NOMEM) sqlite3_result_error_nomem(context);
  } else if (word[0] == kDiskFails) {
    g_state.disk->fail({.call = test::VfsCall::read, .code = code});
  } else {
    sqlite3_interrupt(sqlite3_context_db_handle(context));
  }
}

void strike(sqlite3_context* context, int, sqlite3_value** arguments) {
  const auto* word = reinterpret_cast<const char*>(sqlite3_value_text(arguments[0]));
  sqlite3_result_value(context, arguments[0]);
  const bool strikes = word != nullptr && (word[0] == kAnswers || word[0] == kDiskFails ||
                                           std::strcmp(word, kInterrupts) == 0);
  if (!strikes || (g_state.repeat == Repeat::once && g_state.count > 0)) return;
  ++g_state.count;
  strike_by(context, word);
}

void on_write(void*, int, const char*, const char* table, sqlite3_int64 id) {
  if (std::strcmp(table, "audit") != 0) g_state.writes.push_back({table, id});
}

int on_open(sqlite3* db, char**, const struct sqlite3_api_routines*) {
  sqlite3_update_hook(db, on_write, nullptr);
  return sqlite3_create_function_v2(db, "strike", 1, SQLITE_UTF8, nullptr, strike, nullptr, nullptr,
                                    nullptr);
}

// SQLite keeps the entry point under a type that it is not called by.
void (*entry_point())() { return reinterpret_cast<void (*)()>(on_open); }

}  // namespace

std::string Cause::name() const {
  std::string out(kind.name);
  if (!strikes()) return out;
  return out + std::string(kind.bad_word) + (repeat == Repeat::once ? "once" : "always");
}

const std::vector<Cause>& causes() {
  static const std::vector<Cause> all = [] {
    std::vector<Cause> out;
    for (const PoisonKind& kind : test::kPoisonKinds) out.push_back({.kind = kind});
    add(out, kLone, kCodes);
    add(out, kPair, kCodes);
    add(out, kReading, kWhileReading);
    return out;
  }();
  return all;
}

Strikes::Strikes() { sqlite3_auto_extension(entry_point()); }

Strikes::~Strikes() {
  sqlite3_cancel_auto_extension(entry_point());
  g_state = {};
}

void Strikes::begin(std::shared_ptr<test::Disk> disk, Repeat repeat) {
  g_state.disk = std::move(disk);
  g_state.repeat = repeat;
  g_state.count = 0;
  g_state.writes.clear();
}

std::uint64_t Strikes::count() const noexcept { return g_state.count; }

const std::vector<Strikes::Write>& Strikes::writes() const noexcept { return g_state.writes; }

}  // namespace onelane::prove
