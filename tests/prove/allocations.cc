// Fails each allocation, one run for each, and checks what became of each unit.
//
//   onelane_prove_allocations [--what hand|threads] [--intake 0|1] [--seed N] [--runs N]
//                            [--bytes N] [--every N] [--fault N --after N]
//
// SQLite's allocations and ours, operator new and malloc, fail everywhere: in opening, pushes,
// ticks, syncs, passes and, in some lives, in close.
//
// A seed gives the life of a journal that is moved by hand; it is lived once whole, to count what
// it allocates, and then once for each allocation, or each N-th, failing that one, or all from then
// on until the life's end. Whatever fails: nothing ends by an exception, hangs, leaks (under
// AddressSanitizer) or is left unsettled once there is memory again, the database is whole, each
// class's records came in the order of their pushes, and no receipt is wrong.
//
// `threads` lives with the journal's own threads, whose allocations fail as well. The order of
// events then differs each time, so it takes seeds, and no printed line can repeat a failure.
//
// `--intake 1` lives twice with classes that have an intake, on real files of it; the second life
// has units to apply when it opens. The opening after that, which nothing fails in, must find each
// unit that was journaled once, or among the dead letters. In every fifth seed they are long and
// use a hundred segments, one after the other. `--bytes` fails only the allocations of that many
// bytes.
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <new>
#include <string>

#include "tests/prove/flags.h"
#include "tests/prove/intake_lives.h"
#include "tests/prove/last_words.h"
#include "tests/prove/writer.h"
#include "tests/sim/history.h"
#include "tests/support/temp_directory.h"

// The linker leads calls of malloc in what it puts together here to the first: ours, not SQLite's.
extern "C" void* __real_malloc(std::size_t size);

namespace onelane::prove {
namespace {

// Of the thread that set it, or of all; the checks themselves do not count.
thread_local bool t_armed = false;
std::atomic<bool> g_all_threads = false;
thread_local bool t_spared = false;
std::atomic<std::uint64_t> g_allocations = 0;
std::uint64_t g_fails_at = ~std::uint64_t{0};
bool g_fails_on = false;
std::size_t g_bytes = 0;  // of the allocations that fail; 0: of all
std::atomic<std::uint64_t> g_failures = 0;

bool refused(std::size_t bytes) noexcept {
  const bool counts = t_armed || (g_all_threads && !t_spared);
  if (!counts || test::DiskVfs::inside()) return false;
  if (g_bytes != 0 && bytes != g_bytes) return false;
  const std::uint64_t at = g_allocations++;
  if (at != g_fails_at && !(g_fails_on && at > g_fails_at)) return false;
  ++g_failures;
  return true;
}

// What a test does by itself is given memory.
class Spared {
 public:
  Spared() : armed_(std::exchange(t_armed, false)), spared_(std::exchange(t_spared, true)) {}
  ~Spared() {
    t_armed = armed_;
    t_spared = spared_;
  }
  Spared(const Spared&) = delete;
  Spared& operator=(const Spared&) = delete;

 private:
  const bool armed_;
  const bool spared_;
};

sqlite3_mem_methods g_methods;

void fail_sqlite_too() {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &g_methods);
  sqlite3_mem_methods ours = g_methods;
  ours.xMalloc = [](int size) {
    return refused(static_cast<std::size_t>(size)) ? nullptr : g_methods.xMalloc(size);
  };
  ours.xRealloc = [](void* at, int size) {
    return refused(static_cast<std::size_t>(size)) ? nullptr : g_methods.xRealloc(at, size);
  };
  sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
  sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
}

}  // namespace
}  // namespace onelane::prove

extern "C" void* __wrap_malloc(std::size_t size) {
  return onelane::prove::refused(size) ? nullptr : __real_malloc(size);
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return onelane::prove::refused(size) ? nullptr : __real_malloc(size == 0 ? 1 : size);
}
void* operator new(std::size_t size) {
  void* at = operator new(size, std::nothrow);
  if (at == nullptr) throw std::bad_alloc();
  return at;
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, const std::nothrow_t&) noexcept { std::free(at); }

namespace onelane::prove {
namespace {

using test::below;
using test::chance;
using test::Disk;

constexpr int kSteps = 12;
constexpr int kTicksToSettle = 64;
constexpr int kBurst = 90;  // more than staging has room for at first
constexpr Duration kPatience = std::chrono::seconds(20);
constexpr Duration kMoment = std::chrono::milliseconds(5);  // while there may be no memory

const std::string kArrivals =
    "CREATE TABLE arrivals(place INTEGER PRIMARY KEY, id INTEGER);"
    "CREATE TRIGGER arrived AFTER INSERT ON records BEGIN "
    "  INSERT INTO arrivals(id) VALUES(new.id); END;";
const ColumnType kTypes[] = {ColumnType::integer, ColumnType::text};

class Life {
 public:
  Life(const std::string& database, test::DiskVfs& vfs, Inspector& inspector, Drive drive)
      : path_(database), vfs_(vfs), inspector_(inspector), drive_(drive) {}

  // What is wrong, or nothing.
  std::string live(std::uint64_t seed);

 private:
  struct Pushed {
    std::size_t lane;
    std::vector<std::uint64_t> ids;
    std::optional<std::uint64_t> key;  // of a record that coalesces
    Receipt receipt;
  };
  // A unit that is about to be pushed.
  struct Unit {
    std::size_t lane = 0;
    std::vector<std::uint64_t> ids{};
    std::optional<std::uint64_t> key{};
    Row row{};
    Group group{};
    PushOptions options{};
  };

  bool open(Random& random);
  void use(Random& random);
  void act(Random& random);
  std::string words(Random& random);
  Unit unit(Random& random, std::size_t lane, std::size_t rows);
  void push(Random& random, std::size_t lane);
  void submit_job();
  void note(const Unit& unit, Result<Receipt> receipt);
  bool settle();
  std::string judge();
  std::string judge_order();

  const std::filesystem::path path_;
  test::DiskVfs& vfs_;
  Inspector& inspector_;
  const Drive drive_;
  std::shared_ptr<test::FakeClock> clock_;
  Ledger ledger_;
  std::optional<Journal> journal_;
  std::vector<WriteClass> classes_;    // plain, keyed
  std::vector<Statement> statements_;  // of each
  std::vector<Pushed> pushed_;
};

std::string Life::live(std::uint64_t seed) {
  Random random(seed);
  pushed_.reserve(2 * kSteps * kBurst);
  clock_ = std::make_shared<test::FakeClock>();
  vfs_.mount(Disk::make());
  const bool closes_without = chance(random, 30);
  (drive_ == Drive::manual ? t_armed : t_spared) = drive_ == Drive::manual;
  g_all_threads = drive_ == Drive::thread;
  if (open(random)) use(random);
  if (journal_ && closes_without) (void)journal_->close(std::chrono::seconds(1));
  t_armed = g_all_threads = false;
  std::string wrong;
  if (journal_ && !settle()) wrong = "not settled after there was memory again";
  if (journal_) (void)journal_->close(kPatience);
  if (wrong.empty()) wrong = judge();
  pushed_.clear();
  classes_.clear();
  journal_.reset();
  return wrong;
}

bool Life::open(Random& random) {
  JournalOptions options;
  {
    const Spared spared;
    options = {.schema = kSchema + kArrivals,
               .tick = {.records = 64, .bytes = 256 * kKiB, .hold = std::chrono::milliseconds(10)},
               .drive = drive_,
               .wal_limit_bytes = kMiB};
    if (drive_ == Drive::manual) options.clock = clock_;
    if (chance(random, 40)) options.watermark_table = "marks";
    classes_.reserve(2);
    statements_.reserve(2);
  }
  Result<Journal> opened = Journal::open(path_, options);
  if (!opened) return false;
  journal_.emplace(*std::move(opened));
  for (const bool keyed : {false, true}) {
    ClassOptions added{.name = keyed ? "keyed" : "plain", .coalesce = keyed};
    StatementSpec spec;
    {
      const Spared spared;
      spec = {kInsert, {{kTypes[0]}, {kTypes[1]}}, {}};
      if (keyed) spec.key_columns = {1};
    }
    Result<WriteClass> lane = journal_->add_class(added);
    const Result<Statement> insert = journal_->add_statement(spec);
    if (!lane || !insert) return false;
    classes_.push_back(*std::move(lane));
    statements_.push_back(*insert);
  }
  return true;
}

// Throws what there is no Status for: statistics. Everything else is an answer.
void Life::use(Random& random) {
  for (int step = 0; step < kSteps; ++step) {
    const int times = chance(random, 15) ? kBurst : 1;
    const std::size_t lane = below(random, 2);
    for (int i = 0; i < times; ++i) push(random, lane);
    if (chance(random, 20)) submit_job();
    act(random);
    clock_->advance(std::chrono::milliseconds(300));
  }
}

void Life::act(Random& random) {
  if (chance(random, 60)) (void)journal_->tick();
  if (chance(random, 10)) (void)journal_->sync(kMoment);
  if (chance(random, 10)) (void)journal_->flush(kMoment);
  if (chance(random, 10) && !pushed_.empty()) {
    (void)pushed_[below(random, pushed_.size())].receipt.cancel();
  }
  if (chance(random, 20) && !pushed_.empty()) {
    (void)pushed_[below(random, pushed_.size())].receipt.wait_durable_for(kMoment);
  }
  if (!chance(random, 10)) return;
  try {
    (void)journal_->stats();
  } catch (const std::bad_alloc&) {  // it has no other way to say so
  }
}

std::string Life::words(Random& random) {
  if (chance(random, 4)) return "bad";
  if (chance(random, 30)) return {static_cast<char>('a' + below(random, 3))};
  return std::string(below(random, 900), 'x');
}

Life::Unit Life::unit(Random& random, std::size_t lane, std::size_t rows) {
  const Spared spared;
  Unit unit{.lane = lane};
  for (std::size_t i = 0; i < rows; ++i) {
    unit.ids.push_back(ledger_.add());
    const std::string text = words(random);
    unit.row = Row();
    put(unit.row, static_cast<std::int64_t>(unit.ids.back()), text);
    if (lane == 1 && rows == 1) unit.key = std::hash<std::string>()(text);
    unit.group.add(statements_[lane], unit.row);
  }
  unit.options.promise = chance(random, 30) ? Promise::durable : Promise::committed;
  if (chance(random, 20)) {
    unit.options.deadline = journal_->now() + std::chrono::milliseconds(below(random, 1000));
  }
  return unit;
}

void Life::push(Random& random, std::size_t lane) {
  const std::size_t rows = chance(random, 15) ? 3 : 1;
  Unit one = unit(random, lane, rows);
  WriteClass& to = classes_[lane];
  if (rows > 1) return note(one, to.submit(one.group, one.options));
  note(one, to.submit(statements_[lane], one.row, one.options));
}

// Two steps, a record in each.
void Life::submit_job() {
  Unit unit;
  Job job;
  {
    const Spared spared;
    unit.ids = {ledger_.add(), ledger_.add()};
    job = {.name = "a job with a name of some length", .step = [ids = unit.ids](Transaction& in) {
             const auto id = static_cast<std::int64_t>(ids[in.steps()]);
             const auto done = in.execute("INSERT INTO records VALUES(?1, 'job')", id);
             if (!done.ok()) return Result<Step>(done.status());
             return Result<Step>(in.steps() == 0 ? Step::more : Step::done);
           }};
  }
  note(unit, classes_[0].submit(std::move(job)));
}

void Life::note(const Unit& unit, Result<Receipt> receipt) {
  const Spared spared;
  if (receipt.ok()) {
    pushed_.push_back({unit.lane, unit.ids, unit.key, *std::move(receipt)});
  } else {
    for (const std::uint64_t id : unit.ids) ledger_.settled(id, {.end = End::closed});
  }
}

bool Life::settle() {
  if (drive_ == Drive::thread) {
    return std::all_of(pushed_.begin(), pushed_.end(), [](Pushed& each) {
      return each.receipt.poll() || each.receipt.wait_for(kPatience).ok() || each.receipt.poll();
    });
  }
  for (int tick = 0; tick < kTicksToSettle; ++tick) {
    (void)journal_->tick();
    clock_->advance(std::chrono::milliseconds(300));
  }
  return std::all_of(pushed_.begin(), pushed_.end(),
                     [](const Pushed& each) { return each.receipt.poll().has_value(); });
}

std::string Life::judge() {
  std::vector<std::uint64_t> committed;
  for (const Pushed& each : pushed_) {
    const std::optional<Outcome> outcome = each.receipt.poll();
    if (!outcome) return "not settled after close";
    for (const std::uint64_t id : each.ids) {
      ledger_.settled(id, *outcome);
      if (outcome->committed()) committed.push_back(id);
    }
  }
  const Found found = inspector_.look(Disk::make(vfs_.mounted()->content()));
  if (!found.damage.empty()) return found.damage;
  std::string wrong = ledger_.judge(found.present, committed);
  if (wrong.empty() && g_failures == 0 && committed.empty()) wrong = "nothing was committed";
  return wrong.empty() ? judge_order() : wrong;
}

// In the order of its pushes, as far as it was committed.
std::string Life::judge_order() {
  constexpr std::uint32_t kRefused = 2;  // no class
  test::History history;
  for (const Pushed& each : pushed_) {
    for (const std::uint64_t id : each.ids) {
      while (history.units() < id) history.accept({.klass = kRefused});
      history.accept({.klass = static_cast<std::uint32_t>(each.lane), .key = each.key});
    }
  }
  sqlite3* db = nullptr;
  sqlite3_open(path_.c_str(), &db);
  sqlite3_stmt* arrivals = nullptr;
  sqlite3_prepare_v2(db, "SELECT id FROM arrivals ORDER BY place", -1, &arrivals, nullptr);
  test::Content content;
  while (arrivals != nullptr && sqlite3_step(arrivals) == SQLITE_ROW) {
    content.rows.push_back({.unit = static_cast<std::uint64_t>(sqlite3_column_int64(arrivals, 0))});
  }
  sqlite3_finalize(arrivals);
  sqlite3_close(db);
  return history.look(content, test::Break::none);
}

// Memory fails in the calls of the journal alone, and in its threads.
constexpr Around kHand{.begin = [] { t_armed = true; }, .end = [] { t_armed = false; }};
constexpr Around kThreads{.begin = [] { t_spared = false; }, .end = [] { t_spared = true; }};

class IntakeLife {
 public:
  IntakeLife(const std::string& database, test::DiskVfs& vfs, Drive drive)
      : database_(database),
        vfs_(vfs),
        inspector_(database),
        drive_(drive),
        lives_(setup({.drive = drive})),
        long_lives_(setup({.huge_percent = 80, .drive = drive}, kLongSteps)) {}

  // What is wrong, or nothing.
  std::string live(std::uint64_t seed);

 private:
  // So many that they use a hundred segments, one after the other.
  static constexpr std::size_t kLongSteps = 600;
  static constexpr std::uint64_t kLongEvery = 5;

  IntakeLives::Setup setup(IntakeWriterOptions writer, std::size_t steps = 60) const {
    writer.gather = std::chrono::milliseconds(500);
    writer.around = writer.drive == Drive::manual ? kHand : kThreads;
    return {.database = database_,
            .writer = writer,
            .steps = steps,
            .heal = [] { g_fails_at = ~std::uint64_t{0}, g_fails_on = false; },
            .failed = [] { return g_failures != 0; }};
  }

  const std::string database_;
  test::DiskVfs& vfs_;
  IntakeInspector inspector_;
  const Drive drive_;
  IntakeLives lives_;
  IntakeLives long_lives_;
};

std::string IntakeLife::live(std::uint64_t seed) {
  Random random(seed);
  std::filesystem::remove_all(database_ + "-intake");
  const std::shared_ptr<Disk> disk = Disk::make();
  vfs_.mount(disk);
  t_spared = true;
  g_all_threads = drive_ == Drive::thread;
  IntakeLives& lives = seed % kLongEvery == 0 ? long_lives_ : lives_;
  std::string wrong = lives.live(disk, random);
  g_all_threads = false;
  if (!wrong.empty()) return wrong;
  const Result<Journal> opened = Journal::open(database_, intake_journal_options({}));
  if (!opened) return "the next opening: " + opened.status().to_string();
  IntakeLedger::Units must;
  lives.add_journaled(0, disk->log().size(), must);
  return lives.ledger().judge(inspector_.look(Disk::make(disk->content())), must, false);
}

struct Figures {
  std::uint64_t runs = 0;
  std::uint64_t errors = 0;
};

class Sweep {
 public:
  Sweep(std::string database, Drive drive, bool intake)
      : database_(std::move(database)),
        drive_(drive),
        intake_(intake),
        vfs_("disk", test::DiskVfs::Use::by_default),
        inspector_(database_),
        intake_life_(database_, vfs_, drive) {}

  // With threads it is not for every allocation, but for more of them with each seed.
  bool seed(std::uint64_t seed, std::uint64_t every) {
    if (!run(seed, false, ~std::uint64_t{0})) return false;
    const std::uint64_t all = g_allocations;
    const std::uint64_t step = drive_ == Drive::manual ? every : 1 + all / kPointsWithThreads;
    for (const bool on : {false, true}) {
      for (std::uint64_t at = seed % step; at < all; at += step) {
        if (!run(seed, on, at)) return false;
      }
    }
    return true;
  }
  bool run(std::uint64_t seed, bool on, std::uint64_t at) {
    const std::string again =
        std::string("onelane_prove_allocations --what ") +
        (drive_ == Drive::manual ? "hand" : "threads") + (intake_ ? " --intake 1" : "") +
        (g_bytes != 0 ? " --bytes " + std::to_string(g_bytes) : "") + " --seed " +
        std::to_string(seed) + " --fault " + (on ? "1" : "0") + " --after " + std::to_string(at);
    LastWords::set(again);
    g_allocations = 0;
    g_fails_at = at;
    g_fails_on = on;
    const std::string wrong =
        intake_ ? intake_life_.live(seed) : Life(database_, vfs_, inspector_, drive_).live(seed);
    ++figures_.runs;
    figures_.errors += g_failures.exchange(0);
    if (!wrong.empty()) std::printf("%s\nagain: %s\n", wrong.c_str(), again.c_str());
    return wrong.empty();
  }
  const Figures& figures() const { return figures_; }

 private:
  static constexpr std::uint64_t kPointsWithThreads = 10;

  const std::string database_;
  const Drive drive_;
  const bool intake_;
  test::DiskVfs vfs_;
  Inspector inspector_;
  IntakeLife intake_life_;
  Figures figures_;
};

}  // namespace

int prove(Flags& flags) {
  std::uint64_t seed = flags.number("seed", 1);
  const std::uint64_t runs = flags.number("runs", 1000);
  const std::uint64_t every = flags.number("every", 1);
  g_bytes = flags.number("bytes", 0);
  const std::uint64_t fault = flags.number("fault", 2);
  const std::uint64_t after = flags.number("after", 0);
  const std::string what = flags.text("what", "hand");
  const bool intake = flags.number("intake", 0) != 0;
  flags.check();
  fail_sqlite_too();
  const LastWords last_words;
  const test::TempDirectory directory(test::TempDirectory::Where::in_memory);
  const Drive drive = what == "threads" ? Drive::thread : Drive::manual;
  Sweep sweep(directory / "allocations.db", drive, intake);
  const auto began = std::chrono::steady_clock::now();
  do {
    const bool fine = fault == 2 ? sweep.seed(seed++, every) : sweep.run(seed, fault == 1, after);
    if (!fine) return 1;
  } while (fault == 2 && sweep.figures().runs < runs);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("allocations that failed (%s%s): runs %llu, errors %llu, wrong 0; %.1f s\n",
              what.c_str(), intake ? ", intake" : "",
              static_cast<unsigned long long>(sweep.figures().runs),
              static_cast<unsigned long long>(sweep.figures().errors), took.count());
  return 0;
}

}  // namespace onelane::prove
