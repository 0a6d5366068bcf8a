// Makes SQLite give up a statement or its transaction in the middle of a batch, and checks every
// answer: each cause (tests/prove/causes.h) at each of 32 places, for lone records, groups and the
// statements of a job's step, under each way to keep what is committed.
//
//   onelane_prove_rollbacks [--units all|records|groups|steps] [--seed N] [--rounds N] [--every N]
//                           [--case N]
//
// Whatever the cause: the unit at fault is rejected with its code and leaves nothing. All others
// are committed once, in the order of their pushes, and nothing is unknown. After a failure that
// poisons the journal nothing of the batch is there. Plain SQLite checks the database after a kill,
// after a power cut (for what was durable), and after a second journal. --every 8 tries every
// eighth case,
// --case the one that failed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "onelane/onelane.h"
#include "tests/prove/causes.h"
#include "tests/prove/flags.h"
#include "tests/prove/last_words.h"
#include "tests/prove/plain.h"
#include "tests/sim/disk_vfs.h"
#include "tests/sim/foreign.h"
#include "tests/sim/power_cut.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace onelane::prove {
namespace {

using test::Disk;
using test::DiskVfs;
using test::Image;
using test::PoisonKind;
using test::Random;

constexpr std::size_t kPlaces = 32;
constexpr std::size_t kNeighbours = 8;  // of a job, in each of two classes
constexpr int kTicksToSettle = 256;     // the store has half a minute of patience

enum class Units : std::uint8_t { records, groups, steps };
constexpr const char* kUnitNames[] = {"records", "groups", "steps"};
enum class Keeping : std::uint8_t { committed, durable, full };
constexpr std::size_t kKeepings = 3;

struct Case {
  const Cause* cause;
  std::size_t place;
  Units units;
  Keeping keeping;
};

struct Piece {
  std::int64_t id;
  const Cause* cause;
  bool struck = false;
};

struct Pushed {
  std::size_t klass;
  std::vector<Piece> pieces;
  Receipt receipt;
  Outcome outcome{};

  bool to_blame() const {
    return std::any_of(pieces.begin(), pieces.end(), [](const Piece& each) { return each.struck; });
  }
  // The rows of it that must be in the database.
  std::size_t kept() const { return outcome.committed() ? pieces.size() : outcome.steps; }
};

using Cell = std::pair<std::string, std::int64_t>;  // table and id
using Rows = std::map<Cell, std::string>;

struct Figures {
  std::uint64_t cases = 0;
  std::uint64_t committed = 0;  // records
  std::uint64_t rejected = 0;   // units
  std::uint64_t poisoned = 0;   // cases
  std::uint64_t attempts = 0;
};

// One case from the opening of a journal to the second one's close.
class Batch {
 public:
  explicit Batch(std::string database)
      : database_(std::move(database)),
        vfs_("disk", DiskVfs::Use::by_default),
        own_vfs_("plain", DiskVfs::Use::by_name) {
    make_blank();
  }

  // The first thing that was wrong, or nothing.
  std::string run(const Case& now, std::uint64_t seed);
  const Figures& figures() const { return figures_; }

 private:
  void make_blank();
  Status open(Synchronous synchronous);
  Status begin();
  Statement add(const Cause& cause);
  Piece piece(bool struck = false);
  static Row row(const Piece& piece);
  void push_record(std::size_t klass, const Piece& piece);
  void push_group(const Piece& second);
  void push_job();
  Result<Step> step(Transaction& transaction, const std::vector<Piece>& pieces);
  void push_all();
  bool settle();
  std::string judge();
  std::string judge_strike();
  std::string judge(const Pushed& unit);
  std::string judge_order();
  Rows expected() const;
  std::string look(const Image& image, const char* when);
  std::string look_everywhere();

  const std::string database_;
  DiskVfs vfs_;
  DiskVfs own_vfs_;
  Strikes strikes_;
  Image blank_;
  Figures figures_;
  Case case_{};
  Random random_;
  std::shared_ptr<Disk> disk_;
  std::shared_ptr<test::FakeClock> clock_ = std::make_shared<test::FakeClock>();
  std::optional<Journal> journal_;
  std::vector<WriteClass> classes_;
  std::vector<Pushed> pushed_;
  std::int64_t ids_ = 0;
};

// A cache of few pages, so that they are read again and again.
void Batch::make_blank() {
  const std::shared_ptr<Disk> disk = Disk::make();
  vfs_.mount(disk);
  test::Foreign maker(database_);
  maker.run("PRAGMA journal_mode=WAL; PRAGMA default_cache_size=20; BEGIN;" +
            std::string(test::kPoisonSchema) + kStrikeSchema + "COMMIT");
  maker.close();
  blank_ = disk->content();
}

std::string Batch::run(const Case& now, std::uint64_t seed) {
  case_ = now;
  random_.seed(seed);
  pushed_.clear();
  classes_.clear();
  journal_.reset();
  ids_ = 0;
  disk_ = Disk::make(blank_, {.syncs_directory = true});
  vfs_.mount(disk_);
  strikes_.begin(disk_, now.cause->repeat);
  if (Status opened = begin(); !opened.ok()) return "open: " + opened.to_string();
  push_all();
  if (!settle()) return "not settled";
  std::string wrong = judge();
  if (wrong.empty()) wrong = judge_order();
  if (wrong.empty()) wrong = look_everywhere();
  ++figures_.cases;
  return wrong;
}

Status Batch::open(Synchronous synchronous) {
  Result<Journal> opened = Journal::open(
      database_, {.synchronous = synchronous, .drive = Drive::manual, .clock = clock_});
  if (!opened) return opened.status();
  journal_.emplace(*std::move(opened));
  return {};
}

Status Batch::begin() {
  const bool full = case_.keeping == Keeping::full;
  if (Status opened = open(full ? Synchronous::full : Synchronous::normal); !opened.ok()) {
    return opened;
  }
  const Promise promise = case_.keeping == Keeping::durable ? Promise::durable : Promise::committed;
  for (const char* name : {"first", "second", "third"}) {
    Result<WriteClass> added = journal_->add_class({.name = name, .promise = promise});
    if (!added) return added.status();
    classes_.push_back(*std::move(added));
  }
  return {};
}

Statement Batch::add(const Cause& cause) {
  return journal_->add_statement(test::spec_of(cause.kind)).value();
}

// --- What is pushed.

// A healthy record uses the statement of any cause; every other one uses that of the case's own.
Piece Batch::piece(bool struck) {
  const bool own = struck || test::chance(random_, 50);
  const Cause* cause = own ? case_.cause : &causes()[test::below(random_, causes().size())];
  return {++ids_, cause, struck};
}

Row Batch::row(const Piece& piece) {
  return piece.struck ? test::poison_row(piece.cause->kind, piece.id) : test::healthy_row(piece.id);
}

void Batch::push_record(std::size_t klass, const Piece& piece) {
  Receipt receipt = classes_[klass].submit(add(*piece.cause), row(piece)).value();
  pushed_.push_back({klass, {piece}, std::move(receipt)});
}

void Batch::push_group(const Piece& second) {
  std::vector<Piece> pieces = {piece(), second};
  Group group;
  for (const Piece& each : pieces) group.add(add(*each.cause), row(each));
  Receipt receipt = classes_[0].submit(group).value();
  pushed_.push_back({0, std::move(pieces), std::move(receipt)});
}

// A step of one statement, and one of 32.
void Batch::push_job() {
  std::vector<Piece> pieces = {piece()};
  for (std::size_t i = 0; i < kPlaces; ++i) pieces.push_back(piece(i == case_.place));
  Receipt receipt =
      classes_[1]
          .submit(Job{.name = "steps",
                      .step = [this, pieces](
                                  Transaction& transaction) { return step(transaction, pieces); }})
          .value();
  pushed_.push_back({1, std::move(pieces), std::move(receipt)});
}

Result<Step> Batch::step(Transaction& transaction, const std::vector<Piece>& pieces) {
  const bool first = transaction.steps() == 0;
  for (std::size_t i = first ? 0 : 1; i < (first ? 1 : pieces.size()); ++i) {
    const Piece& piece = pieces[i];
    const PoisonKind& kind = piece.cause->kind;
    const std::string second =
        piece.struck ? std::string(kind.bad_word) : test::second_word(piece.id);
    Result<std::uint64_t> done =
        transaction.execute(kind.sql, piece.id, test::first_word(piece.id), second);
    if (!done) return done.status();
  }
  return first ? Step::more : Step::done;
}

void Batch::push_all() {
  if (case_.units == Units::steps) {
    push_job();
    (void)journal_->tick();
    for (const std::size_t klass : {std::size_t{0}, std::size_t{2}}) {
      for (std::size_t i = 0; i < kNeighbours; ++i) push_record(klass, piece());
    }
    return;
  }
  for (std::size_t i = 0; i < kPlaces; ++i) {
    const bool struck = i == case_.place;
    case_.units == Units::records ? push_record(0, piece(struck)) : push_group(piece(struck));
  }
}

// Ticks until all is answered, and durable where that was promised.
bool Batch::settle() {
  const auto settled = [this](Pushed& unit) {
    const std::optional<Outcome> outcome = unit.receipt.poll();
    if (outcome) unit.outcome = *outcome;
    const bool waits = outcome && outcome->committed() && case_.keeping == Keeping::durable;
    return outcome && (!waits || outcome->durable);
  };
  bool all = false;
  for (int ticks = 0; ticks < kTicksToSettle && !all; ++ticks) {
    (void)journal_->tick();
    all = std::all_of(pushed_.begin(), pushed_.end(), settled);
    clock_->advance(std::chrono::milliseconds(300));
  }
  figures_.attempts += journal_->stats().attempts;
  return all;
}

// --- What was answered.

std::string describe(const Pushed& unit) {
  return "unit with record " + std::to_string(unit.pieces.front().id) + ": " +
         std::string(name(unit.outcome.end)) + ", " + unit.outcome.cause.to_string();
}

// Whether the case ended as it had to.
std::string Batch::judge_strike() {
  if (!case_.cause->strikes()) return {};
  if (strikes_.count() == 0) return "not struck";
  if (case_.cause->by_disk() && disk_->failures() == 0) return "the disk did not fail";
  if (case_.cause->answer != Answer::committed) return {};
  const JournalStats stats = journal_->stats();
  return stats.attempts > stats.committed ? "" : "nothing was given up";
}

std::string Batch::judge() {
  if (std::string wrong = judge_strike(); !wrong.empty()) return wrong;
  std::uint64_t commit = 0;
  for (const Pushed& unit : pushed_) {
    if (std::string wrong = judge(unit); !wrong.empty()) return wrong + "; " + describe(unit);
    if (!unit.outcome.committed()) continue;
    // A record's own fault costs the others no tick.
    if (commit == 0 && unit.klass == 0) commit = unit.outcome.commit;
    if (!case_.cause->strikes() && unit.klass == 0 && commit != unit.outcome.commit) {
      return "not in one commit";
    }
  }
  if (case_.cause->answer == Answer::poisoned) ++figures_.poisoned;
  return {};
}

std::string Batch::judge(const Pushed& unit) {
  const Outcome& outcome = unit.outcome;
  const bool steps = outcome.steps > 0 && unit.pieces.size() > kPlaces;
  const Answer answer = case_.cause->answer;
  if (answer == Answer::poisoned) {
    return outcome.end == (steps ? End::incomplete : End::closed) ? "" : "not closed";
  }
  if (unit.to_blame() && answer == Answer::rejected) {
    ++figures_.rejected;
    if (outcome.end != (steps ? End::incomplete : End::rejected)) return "not rejected";
    if (outcome.cause.sqlite_code() != case_.cause->kind.sqlite_code) return "for another reason";
    if (outcome.cause.message().find("COMMIT") != std::string::npos) return "at COMMIT";
    return unit.kept() == (steps ? 1 : 0) ? "" : "and applied";
  }
  if (!outcome.committed()) return "not committed";
  figures_.committed += unit.pieces.size();
  const std::uint64_t changes =
      std::accumulate(unit.pieces.begin(), unit.pieces.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const Piece& each) {
                        return sum + (each.cause->writes_both() ? 2 : 1);
                      });
  return outcome.changes == changes ? "" : std::to_string(outcome.changes) + " changes";
}

// What a class committed came in the order of its pushes.
std::string Batch::judge_order() {
  std::map<Cell, std::size_t> last;
  std::size_t at = 0;
  for (const Strikes::Write& write : strikes_.writes()) last[{write.table, write.id}] = ++at;
  std::map<std::size_t, std::size_t> newest;  // of each class
  for (const Pushed& unit : pushed_) {
    for (std::size_t i = 0; i < unit.kept(); ++i) {
      const std::size_t written =
          last[{std::string(unit.pieces[i].cause->kind.table), -unit.pieces[i].id}];
      if (written <= newest[unit.klass]) return "out of order: " + describe(unit);
      newest[unit.klass] = written;
    }
  }
  return {};
}

// --- What is in the database.

Rows Batch::expected() const {
  Rows out;
  for (const Pushed& unit : pushed_) {
    for (std::size_t i = 0; i < unit.kept(); ++i) {
      const Piece& piece = unit.pieces[i];
      const std::string table(piece.cause->kind.table);
      if (piece.cause->writes_both()) out[{table, piece.id}] = test::first_word(piece.id);
      out[{table, -piece.id}] =
          piece.struck ? std::string(piece.cause->kind.bad_word) : test::second_word(piece.id);
    }
  }
  return out;
}

std::string Batch::look(const Image& image, const char* when) {
  own_vfs_.mount(Disk::make(image));
  Plain plain(database_, own_vfs_.name());
  std::string damage;
  Rows found;
  bool ok = plain.each("PRAGMA integrity_check", [&](sqlite3_stmt* row) {
    if (Plain::text(row) != "ok") damage += Plain::text(row) + "; ";
  });
  ok = ok && plain.each("PRAGMA foreign_key_check", [&](sqlite3_stmt*) { damage += "a key; "; });
  for (const char* table : {"plain", "failing", "rolling", "watched", "children", "lone"}) {
    const std::string sql = std::string("SELECT id, word FROM ") + table + " WHERE id <> 0";
    ok = ok && plain.each(sql.c_str(), [&](sqlite3_stmt* row) {
      found[{table, sqlite3_column_int64(row, 0)}] = Plain::text(row, 1);
    });
  }
  ok = ok && plain.each("SELECT id FROM audit EXCEPT SELECT id FROM watched",
                        [&](sqlite3_stmt*) { damage += "a trigger's row stayed; "; });
  if (!ok) damage += plain.error();
  if (damage.empty() && found != expected()) {
    damage = std::to_string(found.size()) + " rows, not the " + std::to_string(expected().size()) +
             " that were committed";
  }
  return damage.empty() ? "" : damage + ", " + when;
}

std::string Batch::look_everywhere() {
  const Image killed = disk_->content();
  std::string wrong = look(killed, "after a kill");
  const bool poisoned = case_.cause->answer == Answer::poisoned;
  if (wrong.empty() && !poisoned && case_.keeping != Keeping::committed) {
    test::PowerCut power(*disk_);
    power.advance_to(disk_->log().size());
    wrong = look(power.image(test::CrashKind::none, random_), "after a power cut");
  }
  journal_.reset();
  if (!wrong.empty()) return wrong;
  const std::shared_ptr<Disk> again = Disk::make(killed, {.syncs_directory = true});
  vfs_.mount(again);
  if (Status opened = open(Synchronous::normal); !opened.ok())
    return "again: " + opened.to_string();
  if (CloseReport report = journal_->close(std::chrono::seconds(1)); !report.status.ok()) {
    return "the second close: " + report.status.to_string();
  }
  Image alone = again->content();
  std::erase_if(alone, [this](const auto& file) { return file.first != database_; });
  return look(alone, "after a second journal's close");
}

// --- All of them.

std::vector<Case> all_cases(const std::string& units) {
  std::vector<Case> out;
  for (const Units unit : {Units::records, Units::groups, Units::steps}) {
    if (units != "all" && units != kUnitNames[static_cast<std::size_t>(unit)]) continue;
    for (const Cause& cause : causes()) {
      for (std::size_t i = 0; i < kPlaces * kKeepings; ++i) {
        out.push_back({&cause, i / kKeepings, unit, static_cast<Keeping>(i % kKeepings)});
      }
    }
  }
  return out;
}

bool prove_round(Batch& batch, const std::string& units, std::uint64_t seed, std::size_t every,
                 std::optional<std::size_t> only) {
  const std::vector<Case> cases = all_cases(units);
  for (std::size_t i = only.value_or(0); i < cases.size(); i += every) {
    const std::string again = "onelane_prove_rollbacks --units " + units + " --seed " +
                              std::to_string(seed) + " --case " + std::to_string(i);
    LastWords::set(again);
    const std::string wrong = batch.run(cases[i], seed);
    if (!wrong.empty()) {
      std::printf("%s: %s\nagain: %s\n", cases[i].cause->name().c_str(), wrong.c_str(),
                  again.c_str());
      return false;
    }
    if (only) break;
  }
  return true;
}

}  // namespace

int prove(Flags& flags) {
  const std::string units = flags.text("units", "all");
  const std::uint64_t seed = flags.number("seed", 1);
  const std::uint64_t rounds = flags.number("rounds", 1);
  const std::size_t every = flags.number("every", 1);
  const std::optional<std::uint64_t> only = flags.number("case");
  flags.check();
  const LastWords last_words;
  const test::TempDirectory directory;
  Batch batch(directory / "rollbacks.db");
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    if (!prove_round(batch, units, seed + round, every, only)) return 1;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const Figures& figures = batch.figures();
  std::printf(
      "batches of %s given up: causes %zu, cases %llu, attempts %llu, records committed %llu, "
      "units "
      "rejected %llu, poisoned %llu, wrong 0; %.1f s\n",
      units.c_str(), causes().size(), static_cast<unsigned long long>(figures.cases),
      static_cast<unsigned long long>(figures.attempts),
      static_cast<unsigned long long>(figures.committed),
      static_cast<unsigned long long>(figures.rejected),
      static_cast<unsigned long long>(figures.poisoned), took.count());
  return 0;
}

}  // namespace onelane::prove
