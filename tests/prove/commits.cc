// Fails each call that SQLite makes of a disk inside COMMIT, and checks every answer.
//
//   onelane_prove_commits [--seed N] [--rounds N] [--every N] [--run N]
//
// A life is one script: small commits, one larger than the cache, and one that restarts the WAL, of
// records and groups, each beside a record that is refused. For each setting it is lived once
// whole, to count the calls inside its COMMITs. Then it is lived once for each call, error and way:
// the call fails once; it fails from then on; it fails once, and so does the next sync of the log;
// and with a crash instead of the call, after it, or at the end.
//
// Without a crash the fence settles everything, and everything is committed. After a kill, what was
// committed is there; after a power cut, what was durable. Nothing that was rejected is there. What
// is unknown, or was never answered, is there whole or not at all; where a watermark is kept, a
// reopened journal knows which. --every 8 lives every eighth run, --run the one that failed.
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "onelane/onelane.h"
#include "tests/prove/flags.h"
#include "tests/prove/last_words.h"
#include "tests/prove/ledger.h"
#include "tests/sim/disk_vfs.h"
#include "tests/sim/foreign.h"
#include "tests/sim/power_cut.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace onelane::prove {
namespace {

using test::CrashKind;
using test::Disk;
using test::DiskVfs;
using test::Image;
using test::Random;
using test::Repeat;
using test::VfsCall;
using test::VfsFault;
using test::VfsFile;
using test::Written;

constexpr int kTicksToSettle = 64;
constexpr const char* kTable = "watermarks";
constexpr std::size_t kAnotherId = 63;  // of a record that a second journal writes

struct Setting {
  Synchronous synchronous;
  Promise promise;
  bool watermark;
};
constexpr Setting kSettings[] = {
    {Synchronous::normal, Promise::committed, false},
    {Synchronous::normal, Promise::durable, true},
    {Synchronous::full, Promise::committed, true},
    {Synchronous::paranoid, Promise::committed, true},
};

// What becomes of the call.
enum class Way : std::uint8_t {
  whole,                   // nothing
  once,                    // it fails
  always,                  // and so do all of its kind from then on
  once_and_sync,           // it fails, and so does the next sync of the log
  killed,                  // it never comes
  once_and_killed,         // it fails, and no other comes
  always_and_killed,       // as always, and a crash at the end
  once_and_sync_and_kill,  // as once_and_sync, and a crash at the end
};
constexpr Way kFailing[] = {Way::once,
                            Way::always,
                            Way::once_and_sync,
                            Way::once_and_killed,
                            Way::always_and_killed,
                            Way::once_and_sync_and_kill};

struct Error {
  VfsCall call;
  int code;
  Written written = Written::half;
};
constexpr Error kErrors[] = {
    {VfsCall::open, SQLITE_CANTOPEN},
    {VfsCall::remove, SQLITE_IOERR_DELETE},
    {VfsCall::access, SQLITE_IOERR_ACCESS},
    {VfsCall::read, SQLITE_IOERR_READ},
    {VfsCall::read, SQLITE_NOMEM},
    {VfsCall::write, SQLITE_IOERR_WRITE, Written::half},
    {VfsCall::write, SQLITE_IOERR_WRITE, Written::all},
    {VfsCall::write, SQLITE_FULL, Written::nothing},
    {VfsCall::write, SQLITE_FULL, Written::half},
    {VfsCall::truncate, SQLITE_IOERR_TRUNCATE},
    {VfsCall::sync, SQLITE_IOERR_FSYNC},
    {VfsCall::file_size, SQLITE_IOERR_FSTAT},
    {VfsCall::lock, SQLITE_IOERR_LOCK},
    {VfsCall::shm_map, SQLITE_IOERR_SHMMAP},
    {VfsCall::shm_map, SQLITE_NOMEM},
    {VfsCall::shm_lock, SQLITE_IOERR_SHMLOCK},
    {VfsCall::shm_lock, SQLITE_BUSY},
    {VfsCall::unfetch, SQLITE_IOERR},
};

struct Met {  // a call inside a COMMIT
  VfsCall call;
  VfsFile file;
};

struct Attack {
  const Setting* setting;
  Way way = Way::whole;
  std::size_t at = 0;  // of the calls inside COMMITs
  Error error{};
};

// --- Whether a COMMIT runs.

bool g_inside = false;  // auto-extensions get no argument

int on_statement(unsigned event, void*, void* statement, void*) {
  const char* sql = sqlite3_sql(static_cast<sqlite3_stmt*>(statement));
  if (sql != nullptr && std::string_view(sql) == "COMMIT") g_inside = event == SQLITE_TRACE_STMT;
  return 0;
}

int on_open(sqlite3* db, char**, const struct sqlite3_api_routines*) {
  return sqlite3_trace_v2(db, SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE, on_statement, nullptr);
}

class CommitSpy {
 public:
  CommitSpy() { sqlite3_auto_extension(entry_point()); }
  ~CommitSpy() { sqlite3_cancel_auto_extension(entry_point()); }
  CommitSpy(const CommitSpy&) = delete;
  CommitSpy& operator=(const CommitSpy&) = delete;

 private:
  // SQLite keeps the entry point under a type that it is not called by.
  static void (*entry_point())() { return reinterpret_cast<void (*)()>(on_open); }
};

// --- A life.

bool there(const std::vector<bool>& present, std::uint64_t id) {
  return id < present.size() && present[id];
}

struct Figures {
  std::uint64_t runs = 0;
  std::uint64_t errors = 0;
  std::uint64_t crashes = 0;
  std::uint64_t looks = 0;
  std::uint64_t fenced = 0;         // runs in which a COMMIT that failed was settled by its fence
  std::uint64_t unknown = 0;        // units, at a look
  std::uint64_t unknown_there = 0;  // of these, that were there
  std::uint64_t told_apart = 0;     // of these, by the watermark
};

enum class After : std::uint8_t { kill, loss, power_cut, close };
constexpr const char* kAfterNames[] = {"kill", "power cut that lost all it could", "power cut",
                                       "close"};

struct Unit {
  std::vector<std::uint64_t> ids;
  bool bad = false;
  Receipt receipt;
  std::optional<Outcome> outcome{};
  bool noted = false;
};

class Life {
 public:
  explicit Life(std::string database)
      : database_(std::move(database)),
        vfs_("disk", DiskVfs::Use::by_default),
        inspector_(database_) {
    small_pages_ = make_blank(1024);
    whole_sectors_ = make_blank(4096);
  }

  // The first thing that was wrong, or nothing.
  std::string live(const Attack& attack, std::uint64_t seed);
  const std::vector<Met>& met() const { return met_; }
  const Figures& figures() const { return figures_; }

 private:
  Image make_blank(int page_bytes);
  Status open();
  void meanwhile(VfsCall call, VfsFile file);
  void meet_attacked(VfsCall call, VfsFile file);
  void crash();
  void script();
  void push(std::size_t records, std::size_t size);
  void push_bad();
  void tick();
  void listen();
  bool settled() const;
  std::string settle();
  std::string judge_answers();
  std::string look_everywhere();
  std::string look(const Image& image, After after);
  std::string judge(const std::vector<bool>& present);
  std::string reopen(const Image& image, const std::vector<bool>& present);
  std::string judge_watermark(std::uint64_t commits, const std::vector<bool>& present);
  bool kills_at_end() const;

  const std::string database_;
  DiskVfs vfs_;
  Inspector inspector_;
  CommitSpy spy_;
  Image small_pages_;
  Image whole_sectors_;  // paranoid takes no smaller pages
  Figures figures_;
  Random random_;
  std::shared_ptr<test::FakeClock> clock_ = std::make_shared<test::FakeClock>();
  std::optional<Journal> journal_;

  Attack attack_{};
  std::vector<Met> met_;
  bool sync_is_next_ = false;  // to fail
  bool crash_is_next_ = false;
  bool crashed_ = false;
  std::size_t crashed_at_ = 0;
  std::shared_ptr<Disk> disk_;
  std::shared_ptr<Disk> survivor_;
  std::optional<WriteClass> class_;
  Statement insert_{};
  std::uint64_t epoch_ = 0;
  Ledger ledger_;
  std::vector<Unit> units_;
};

// A cache of few pages: a large record is larger.
Image Life::make_blank(int page_bytes) {
  const std::shared_ptr<Disk> disk = Disk::make();
  vfs_.mount(disk);
  test::Foreign maker(database_);
  maker.run("PRAGMA page_size=" + std::to_string(page_bytes) +
            "; PRAGMA journal_mode=WAL; PRAGMA default_cache_size=" +
            std::to_string(20 * 1024 / page_bytes) + "; BEGIN;" + kSchema + "COMMIT");
  maker.close();
  return disk->content();
}

std::string Life::live(const Attack& attack, std::uint64_t seed) {
  attack_ = attack;
  random_.seed(seed);
  met_.clear();
  ledger_.clear();
  units_.clear();
  sync_is_next_ = crash_is_next_ = crashed_ = g_inside = false;
  epoch_ = 0;
  const bool whole = attack.setting->synchronous == Synchronous::paranoid;
  disk_ = Disk::make(whole ? whole_sectors_ : small_pages_, {.syncs_directory = true});
  disk_->meanwhile([this](VfsCall call, VfsFile file) { meanwhile(call, file); });
  vfs_.mount(disk_);
  const Status opened = open();
  std::string wrong;
  if (opened.ok()) {
    epoch_ = journal_->stats().epoch;
    script();
    if (!crashed_ && kills_at_end()) crash();
    if (!crashed_) wrong = settle();
  } else if (disk_->failures() == 0 && !crashed_) {
    return "open: " + opened.to_string();
  }
  ++figures_.runs;
  figures_.errors += disk_->failures();
  if (wrong.empty()) wrong = look_everywhere();
  journal_.reset();
  return wrong;
}

bool Life::kills_at_end() const {
  return attack_.way == Way::always_and_killed || attack_.way == Way::once_and_sync_and_kill;
}

Status Life::open() {
  journal_.reset();
  class_.reset();
  Result<Journal> opened =
      Journal::open(database_, {.synchronous = attack_.setting->synchronous,
                                .drive = Drive::manual,
                                .close_timeout = Duration(0),
                                .watermark_table = attack_.setting->watermark ? kTable : "",
                                .clock = clock_});
  if (!opened) return opened.status();
  journal_.emplace(*std::move(opened));
  Result<WriteClass> added =
      journal_->add_class({.name = "writes", .promise = attack_.setting->promise});
  if (!added) return added.status();
  class_.emplace(*std::move(added));
  Result<Statement> insert =
      journal_->add_statement({kInsert, {{ColumnType::integer}, {ColumnType::text}}});
  if (!insert) return insert.status();
  insert_ = *insert;
  return {};
}

// --- In the middle of a call.

void Life::meanwhile(VfsCall call, VfsFile file) {
  if (crashed_) return;
  if (crash_is_next_) return crash();
  if (sync_is_next_ && call == VfsCall::sync && file == VfsFile::log) {
    sync_is_next_ = false;
    disk_->fail({.call = call, .file = file, .code = SQLITE_IOERR_FSYNC});
  }
  if (!g_inside) return;
  met_.push_back({call, file});
  if (attack_.way != Way::whole && met_.size() == attack_.at + 1) meet_attacked(call, file);
}

void Life::meet_attacked(VfsCall call, VfsFile file) {
  const Way way = attack_.way;
  if (way == Way::killed) return crash();
  const bool always = way == Way::always || way == Way::always_and_killed;
  disk_->fail({.call = call,
               .file = file,
               .code = attack_.error.code,
               .repeat = always ? Repeat::always : Repeat::once,
               .written = attack_.error.written});
  crash_is_next_ = way == Way::once_and_killed;
  sync_is_next_ = way == Way::once_and_sync || way == Way::once_and_sync_and_kill;
}

void Life::crash() {
  crashed_ = true;
  crashed_at_ = disk_->log().size();
  survivor_ = disk_->survivor();
  ++figures_.crashes;
}

// --- What is done.

void Life::script() {
  push(1, 20);
  push_bad();
  tick();
  push(3, 300);
  push(1, 20);
  push_bad();
  tick();
  push(1, 40'000);
  push_bad();
  tick();
  {
    // Checkpoints all of the WAL, so that the next commit restarts it.
    test::Foreign foreign(database_);
    foreign.run("PRAGMA wal_checkpoint");
  }
  push(1, 20);
  push(2, 1000);
  push_bad();
  tick();
  push(2, 20);
  tick();
}

void Life::push(std::size_t records, std::size_t size) {
  Unit unit;
  Group group;
  for (std::size_t i = 0; i < records; ++i) {
    unit.ids.push_back(ledger_.add());
    Row row;
    const std::size_t words = size / 2 + test::below(random_, size);
    put(row, static_cast<std::int64_t>(unit.ids.back()), std::string(words, 'w'));
    group.add(insert_, row);
  }
  Result<Receipt> receipt = class_->submit(group);
  if (receipt) {
    unit.receipt = *std::move(receipt);
    units_.push_back(std::move(unit));
  } else {
    for (const std::uint64_t id : unit.ids) ledger_.settled(id, {.end = End::closed});
  }
}

void Life::push_bad() {
  const std::uint64_t id = ledger_.add();
  Row row;
  put(row, static_cast<std::int64_t>(id), std::string("bad"));
  Result<Receipt> receipt = class_->submit(insert_, row);
  if (receipt) {
    units_.push_back({.ids = {id}, .bad = true, .receipt = *std::move(receipt)});
  } else {
    ledger_.settled(id, {.end = End::closed});
  }
}

void Life::tick() {
  if (crashed_) return;
  (void)journal_->tick();
  listen();
  clock_->advance(std::chrono::milliseconds(300));
}

void Life::listen() {
  if (crashed_) return;
  for (Unit& unit : units_) {
    if (unit.noted) continue;
    const std::optional<Outcome> outcome = unit.receipt.poll();
    if (!outcome) continue;
    if (!unit.outcome) {
      for (const std::uint64_t id : unit.ids) ledger_.settled(id, *outcome);
      unit.outcome = *outcome;
    }
    if (!outcome->committed() || !outcome->durable) continue;
    for (const std::uint64_t id : unit.ids) disk_->note(kDurableNote, id);
    unit.noted = true;
  }
}

bool Life::settled() const {
  return std::all_of(units_.begin(), units_.end(),
                     [](const Unit& unit) { return unit.outcome.has_value(); });
}

// The disk is well again.
std::string Life::settle() {
  disk_->heal();
  sync_is_next_ = false;
  for (int i = 0; i < kTicksToSettle && !settled(); ++i) tick();
  if (!settled()) return "not settled after the disk was well again";
  if (std::string wrong = judge_answers(); !wrong.empty()) return wrong;
  const std::uint64_t commits = journal_->stats().committed;
  if (attack_.setting->watermark && journal_->stats().poison.ok()) {
    const Result<std::uint64_t> known = journal_->commits_of(journal_->stats().epoch);
    if (!known || *known > commits) return "commits_of() disagrees with what was committed";
  }
  return {};
}

// One error that is not a sync's does no harm: the fence settles it.
std::string Life::judge_answers() {
  const bool poisoned = !journal_->stats().poison.ok();
  const bool harmless = attack_.way == Way::whole ||
                        (attack_.way == Way::once && attack_.error.call != VfsCall::sync);
  if (harmless && poisoned) return "poisoned: " + journal_->stats().poison.to_string();
  for (const Unit& unit : units_) {
    const End end = unit.outcome->end;
    if (unit.bad && end != End::rejected && !poisoned) return "a bad record was not rejected";
    if (!unit.bad && end == End::rejected && harmless) return "a good record was rejected";
    if (end == End::unknown && !poisoned) return "unknown, and no poison";
    if (!unit.bad && !poisoned && end != End::committed && end != End::rejected) {
      return "answered " + std::string(name(end));
    }
  }
  if (attack_.way == Way::once && harmless && disk_->failures() > 0) ++figures_.fenced;
  return {};
}

// --- What is there.

std::string Life::look_everywhere() {
  disk_->meanwhile(nullptr);
  if (!crashed_) crashed_at_ = disk_->log().size();
  const Image killed = (crashed_ ? survivor_ : disk_)->content();
  if (journal_) (void)journal_->close(std::chrono::seconds(1));
  std::string wrong = look(killed, After::kill);
  test::PowerCut power(*disk_);
  power.advance_to(crashed_at_);
  if (wrong.empty()) wrong = look(power.image(CrashKind::none, random_), After::loss);
  const auto any = static_cast<CrashKind>(1 + test::below(random_, test::kCrashKindCount - 2));
  if (wrong.empty()) wrong = look(power.image(any, random_), After::power_cut);
  if (wrong.empty() && !crashed_) wrong = look(disk_->content(), After::close);
  return wrong;
}

std::string Life::look(const Image& image, After after) {
  ++figures_.looks;
  const Found found = inspector_.look(Disk::make(image));
  if (!found.damage.empty()) return found.damage;
  std::vector<std::uint64_t> promised;
  for (const Unit& unit : units_) {
    const bool cut = after == After::loss || after == After::power_cut;
    const bool kept = cut ? unit.noted : unit.outcome && unit.outcome->committed();
    if (kept) promised.insert(promised.end(), unit.ids.begin(), unit.ids.end());
  }
  std::string wrong = ledger_.judge(found.present, promised);
  if (wrong.empty()) wrong = judge(found.present);
  const bool again = after == After::kill || after == After::power_cut;
  if (wrong.empty() && again) wrong = reopen(image, found.present);
  if (wrong.empty()) return {};
  return wrong + ", after a " + kAfterNames[static_cast<std::size_t>(after)];
}

// A unit is there whole or not at all, and so is a commit.
std::string Life::judge(const std::vector<bool>& present) {
  std::map<std::uint64_t, bool> commits;
  for (const Unit& unit : units_) {
    const bool first = there(present, unit.ids.front());
    if (unit.outcome && unit.outcome->end == End::unknown) {
      ++figures_.unknown;
      if (first) ++figures_.unknown_there;
    }
    for (const std::uint64_t id : unit.ids) {
      if (there(present, id) != first) return "half of a unit is there";
    }
    const std::uint64_t commit = unit.outcome ? unit.outcome->commit : 0;
    if (commit == 0) continue;
    if (commits.try_emplace(commit, first).first->second != first) {
      return "half of commit " + std::to_string(commit) + " is there";
    }
  }
  return {};
}

// Another journal has the same, knows which it is, and goes on.
std::string Life::reopen(const Image& image, const std::vector<bool>& present) {
  const std::shared_ptr<Disk> again = Disk::make(image, {.syncs_directory = true});
  vfs_.mount(again);
  if (Status opened = open(); !opened.ok()) return "opened again: " + opened.to_string();
  if (epoch_ != 0) {
    const Result<std::uint64_t> commits = journal_->commits_of(epoch_);
    if (!commits) return "commits_of(): " + commits.status().to_string();
    if (std::string wrong = judge_watermark(*commits, present); !wrong.empty()) return wrong;
  }
  Row row;
  put(row, static_cast<std::int64_t>(kAnotherId), std::string("another"));
  const Result<Receipt> receipt = class_->submit(insert_, row);
  (void)journal_->tick();
  const std::optional<Outcome> outcome = receipt ? receipt->poll() : std::nullopt;
  if (!outcome || !outcome->committed()) return "opened again, it does not commit";
  if (CloseReport report = journal_->close(std::chrono::seconds(1)); !report.status.ok()) {
    return "the second close: " + report.status.to_string();
  }
  std::vector<bool> expected = present;
  expected.resize(kAnotherId + 1);
  expected[kAnotherId] = true;
  const Found found = inspector_.look(Disk::make(again->content()));
  if (!found.damage.empty()) return found.damage;
  return found.present == expected ? "" : "a second journal found something else";
}

std::string Life::judge_watermark(std::uint64_t commits, const std::vector<bool>& present) {
  for (const Unit& unit : units_) {
    if (!unit.outcome || unit.outcome->commit == 0) continue;
    const bool known = unit.outcome->commit <= commits;
    const bool unknown = unit.outcome->end == End::unknown;
    if (unknown) ++figures_.told_apart;
    if (known == there(present, unit.ids.front())) continue;
    return "commits_of() says " + std::to_string(commits) + ", and commit " +
           std::to_string(unit.outcome->commit) + (known ? " is not there" : " is there");
  }
  return {};
}

// --- All of them.

class Prover {
 public:
  explicit Prover(const std::string& database) : life_(database) {}

  // Whether all was well.
  bool round(std::uint64_t seed, std::size_t every, std::optional<std::size_t> only);
  const Figures& figures() const { return life_.figures(); }
  std::size_t calls() const { return calls_; }

 private:
  bool attacks(const Setting& setting, std::uint64_t seed);
  bool run(const Attack& attack, std::uint64_t seed, std::size_t number);

  Life life_;
  std::size_t calls_ = 0;
  std::vector<Attack> attacks_;
};

bool Prover::run(const Attack& attack, std::uint64_t seed, std::size_t number) {
  const std::string again =
      "onelane_prove_commits --seed " + std::to_string(seed) + " --run " + std::to_string(number);
  LastWords::set(again);
  const std::string wrong = life_.live(attack, seed);
  if (wrong.empty()) return true;
  std::printf("%s: call %d inside COMMIT, number %zu, way %d, code %d\nagain: %s\n", wrong.c_str(),
              static_cast<int>(attack.error.call), attack.at, static_cast<int>(attack.way),
              attack.error.code, again.c_str());
  return false;
}

// Of one setting, whose whole life comes first.
bool Prover::attacks(const Setting& setting, std::uint64_t seed) {
  if (!run({.setting = &setting}, seed, 0)) return false;
  const std::vector<Met> met = life_.met();
  calls_ += met.size();
  for (std::size_t at = 0; at < met.size(); ++at) {
    attacks_.push_back(
        {.setting = &setting, .way = Way::killed, .at = at, .error = {.call = met[at].call}});
    for (const Error& error : kErrors) {
      if (error.call != met[at].call) continue;
      for (const Way way : kFailing) {
        attacks_.push_back({.setting = &setting, .way = way, .at = at, .error = error});
      }
    }
  }
  return true;
}

bool Prover::round(std::uint64_t seed, std::size_t every, std::optional<std::size_t> only) {
  attacks_.clear();
  for (const Setting& setting : kSettings) {
    if (!attacks(setting, seed)) return false;
  }
  if (only) return run(attacks_.at(*only), seed, *only);
  for (std::size_t i = 0; i < attacks_.size(); i += every) {
    if (!run(attacks_[i], seed, i)) return false;
  }
  return true;
}

}  // namespace

int prove(Flags& flags) {
  const std::uint64_t seed = flags.number("seed", 1);
  const std::uint64_t rounds = flags.number("rounds", 1);
  const std::size_t every = flags.number("every", 1);
  const std::optional<std::uint64_t> only = flags.number("run");
  flags.check();
  const LastWords last_words;
  const test::TempDirectory directory;
  Prover prover(directory / "commits.db");
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    if (!prover.round(seed + round, every, only)) return 1;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const Figures& figures = prover.figures();
  std::printf(
      "calls inside COMMIT that failed: calls %zu, runs %llu, errors %llu, crashes %llu, looks "
      "%llu, "
      "fenced %llu, units unknown %llu, of which there %llu, told apart %llu, wrong 0; %.1f s\n",
      prover.calls(), static_cast<unsigned long long>(figures.runs),
      static_cast<unsigned long long>(figures.errors),
      static_cast<unsigned long long>(figures.crashes),
      static_cast<unsigned long long>(figures.looks),
      static_cast<unsigned long long>(figures.fenced),
      static_cast<unsigned long long>(figures.unknown),
      static_cast<unsigned long long>(figures.unknown_there),
      static_cast<unsigned long long>(figures.told_apart), took.count());
  return 0;
}

}  // namespace onelane::prove
