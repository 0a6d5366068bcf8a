// Cuts the power under a journal with an intake, opens what is left, and looks what is in the
// database then.
//
//   onelane_prove_intake_cuts [--seed N] [--runs N] [--cuts N] [--control NAME]
//
// A run is a life of a journal on a disk in memory, with a foreign connection that comes in the
// middle of its calls and now and then keeps the lock; or two lives with a kill between them,
// sometimes after a sync that failed. Some disks ruin a write's neighbours, and are written under
// paranoid. Segments are small, so that they are recycled. At each of its
// cuts a crash is made up, and another journal is opened on it: each unit that was journaled by
// then has to be in the database once, or once among the dead letters. Some of these openings are
// cut in their turn, in the middle of recovery and later. A control must lose units: no-sync,
// early-ack.
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "tests/prove/cut_places.h"
#include "tests/prove/flags.h"
#include "tests/prove/intake_writer.h"
#include "tests/sim/disk_storage.h"
#include "tests/sim/foreign.h"
#include "tests/support/temp_directory.h"

namespace onelane::prove {
namespace {

using test::below;
using test::chance;
using test::CrashKind;
using test::Deed;
using test::Disk;
using test::Foreign;
using test::Image;
using test::Lies;
using test::PowerCut;
using test::Random;

struct Control {
  const char* name;
  Lies lies = Lies::none;
  bool acks_pushed = false;
};

constexpr Control kControls[] = {
    {.name = ""},
    {.name = "no-sync", .lies = Lies::every_sync},
    {.name = "early-ack", .acks_pushed = true},
};

constexpr std::size_t kCarelessPercent = 15;
constexpr std::size_t kKilledPercent = 30;
constexpr std::size_t kFailedSyncPercent = 40;  // of these
constexpr std::size_t kOpeningPercent = 40;     // of nested cuts
constexpr std::size_t kNestedPercent = 3;       // of cuts
constexpr std::size_t kNestedCuts = 12;
// Of a later opening that is not cut: a journal that cannot be told from a new one.
constexpr IntakeWriterOptions kPlainly{.segments = 3};

struct Figures {
  std::uint64_t runs = 0;
  std::uint64_t events = 0;
  std::uint64_t groups = 0;
  std::uint64_t waits = 0;  // for a segment to become free
  std::uint64_t journaled = 0;
  std::uint64_t cuts = 0;
  std::uint64_t nested = 0;    // of these, in a life that began after a cut
  std::uint64_t openings = 0;  // of these, before a later life's journal was open
  std::uint64_t replayed = 0;  // units
  std::uint64_t lost = 0;
};

using Ids = std::vector<std::uint64_t>;
using Units = IntakeLedger::Units;

// A disk and what was promised of it.
struct World {
  std::shared_ptr<Disk> disk;
  IntakeWriter::Ledgers ledgers{};
  Ids durable{};      // before the disk's log began
  Units must{};       // as of then
  bool gaps = false;  // in its positions: a sync failed
  Units opened{};     // what a later life's opening makes certain
};

void add(Units& to, const Units& other) {
  to.resize(std::max(to.size(), other.size()));
  for (std::size_t i = 0; i < other.size(); ++i) to[i] = to[i] || other[i];
}

void add(Units& to, std::uint64_t unit) {
  to.resize(std::max<std::size_t>(to.size(), unit + 1));
  to[unit] = true;
}

class Run {
 public:
  Run(const Control& control, std::string database)
      : control_(control),
        database_(std::move(database)),
        vfs_("disk", test::DiskVfs::Use::by_default),
        plain_(database_),
        inspector_(database_) {
    intake::use_storage(&storage_);
  }
  ~Run() { intake::use_storage(nullptr); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // The first thing that was wrong, or nothing.
  std::string go(std::uint64_t seed, std::uint64_t cuts);
  const Figures& figures() const { return figures_; }

 private:
  enum class Depth : std::uint8_t { first, nested };
  enum class Ending : std::uint8_t { closed, killed };

  void mount(const std::shared_ptr<Disk>& disk);
  IntakeWriterOptions manner();
  std::string live(World& world, std::size_t steps);
  std::string live_once(World& world, std::size_t steps, Ending ending);
  void interleave(Disk& disk, IntakeWriter& writer, Foreign* foreign);
  void fail_a_sync(Disk& disk);
  void act_as_foreign(Foreign& foreign);
  std::string cut(World& world, std::uint64_t cuts, Depth depth);
  std::string open_again(const Image& image, IntakeContent& content);
  std::string examine(const World& world, const Image& image, const Ids& durable, const Units& must,
                      Depth depth);
  std::string live_again(const World& world, const Image& image, const Ids& durable,
                         const IntakeContent& content);

  const Control& control_;
  const std::string database_;
  test::DiskVfs vfs_;
  test::DiskStorage storage_;
  Inspector plain_;
  IntakeInspector inspector_;
  Random random_;
  Figures figures_;
  // A write to the disk may ruin its neighbours, so all who write to it have to be paranoid.
  bool careless_disk_ = false;
};

void Run::mount(const std::shared_ptr<Disk>& disk) {
  vfs_.mount(disk);
  storage_.mount(disk);
}

std::string Run::go(std::uint64_t seed, std::uint64_t cuts) {
  random_.seed(seed);
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed), nullptr);
  sqlite3_randomness(0, nullptr);
  World world;
  careless_disk_ = control_.name[0] == '\0' && chance(random_, kCarelessPercent);
  world.disk = Disk::make({}, {.powersafe = !careless_disk_,
                               .syncs_directory = chance(random_, 50),
                               .lies = control_.lies});
  const std::string wrong = live(world, 20 + below(random_, 200));
  ++figures_.runs;
  return wrong.empty() ? cut(world, cuts, Depth::first) : wrong;
}

IntakeWriterOptions Run::manner() {
  const bool full = chance(random_, 20);
  return {.synchronous = careless_disk_ ? Synchronous::paranoid
                         : full         ? Synchronous::full
                                        : Synchronous::normal,
          .segment_bytes = (chance(random_, 80) ? 64 : 128) * kKiB,
          .segments = 2 + below(random_, 2),
          .gather = std::chrono::milliseconds(chance(random_, 50) ? 1000 : 0),
          .acks_pushed = control_.acks_pushed};
}

// A kill loses nothing that is in the cache, and the second life must not trust that it is on the
// disk: not even after a sync, if one failed before.
std::string Run::live(World& world, std::size_t steps) {
  if (control_.name[0] != '\0' || !chance(random_, kKilledPercent)) {
    return live_once(world, steps, Ending::closed);
  }
  std::string wrong = live_once(world, 1 + below(random_, steps), Ending::killed);
  if (!wrong.empty()) return wrong;
  const Image left = world.disk->content();
  const Found found = plain_.look(Disk::make(left));
  wrong = found.damage.empty() ? world.ledgers.plain.begin_after_kill(found.present) : found.damage;
  IntakeContent content;
  if (wrong.empty()) wrong = open_again(left, content);
  if (wrong.empty()) wrong = world.ledgers.intake.judge(content, {}, world.gaps);
  if (!wrong.empty()) return "after a kill: " + wrong;
  world.opened = world.ledgers.intake.begin(content, IntakeLedger::After::kill);
  return live_once(world, 1 + below(random_, steps), Ending::closed);
}

std::string Run::live_once(World& world, std::size_t steps, Ending ending) {
  mount(world.disk);
  Foreign foreign(database_);
  IntakeWriter writer(world.disk, world.ledgers, random_, manner());
  world.disk->note(kLifeNote, 0);
  if (const Status status = writer.open(database_); !status.ok()) {
    return "open: " + status.to_string();
  }
  world.disk->note(kOpenNote, 0);
  const bool fails = ending == Ending::killed && chance(random_, kFailedSyncPercent);
  if (fails) fail_a_sync(*world.disk);
  world.gaps = world.gaps || fails;
  // Others do not hear of our failed syncs, and do not have to be careful.
  const bool alone = careless_disk_ || fails || chance(random_, 20);
  interleave(*world.disk, writer, alone ? nullptr : &foreign);
  for (; steps > 0; --steps) {
    writer.act();
    if (!alone) act_as_foreign(foreign);
  }
  world.disk->meanwhile([&writer](test::VfsCall, test::VfsFile) { writer.watch(); });
  const JournalStats stats = writer.stats();
  figures_.groups += stats.intake.units_per_group.count();
  figures_.journaled += stats.intake.units;
  figures_.waits += stats.intake.waits;
  if (ending == Ending::killed) {
    world.disk->meanwhile(nullptr);
    writer.abandon();
    world.disk = world.disk->survivor();  // what closes after this does so on a dead disk
    return writer.wrong();
  }
  if (chance(random_, 80)) foreign.close();
  (void)writer.close(chance(random_, 70) ? std::chrono::seconds(10) : Duration(0));
  world.disk->meanwhile(nullptr);
  return writer.wrong();
}

void Run::fail_a_sync(Disk& disk) {
  disk.fail({.call = test::VfsCall::sync,
             .file = chance(random_, 70) ? test::VfsFile::intake : test::VfsFile::log,
             .code = SQLITE_IOERR_FSYNC,
             .after = below(random_, 25)});
}

// In the middle of a call the user looks at the receipts, and a foreign writer comes.
void Run::interleave(Disk& disk, IntakeWriter& writer, Foreign* foreign) {
  disk.meanwhile([this, foreign, &writer](test::VfsCall call, test::VfsFile) {
    writer.watch();
    if (call != test::VfsCall::write && call != test::VfsCall::sync) return;
    if (foreign == nullptr || !chance(random_, 3)) return;
    foreign->run("INSERT INTO foreign_rows(words) VALUES(hex(randomblob(" +
                 std::to_string(1 + below(random_, 300)) + ")))");
  });
}

// It checkpoints, and it keeps the lock, so that units wait in the intake.
void Run::act_as_foreign(Foreign& foreign) {
  if (foreign.in_transaction()) {
    if (chance(random_, 20)) foreign.run("COMMIT");
  } else if (chance(random_, 3)) {
    foreign.run("BEGIN IMMEDIATE");
  } else if (chance(random_, 3)) {
    foreign.run("PRAGMA wal_checkpoint(PASSIVE)");
  }
}

// Where SQLite's own sync of the directory fails, which it does not tell, a database can be made
// unreadable while its first page is written; nothing is promised before the journal is open.
std::string Run::cut(World& world, std::uint64_t cuts, Depth depth) {
  figures_.events += world.disk->log().size();
  PowerCut power(*world.disk);
  const auto& events = world.disk->log().events();
  Ids durable = world.durable;
  Units must = world.must;
  std::size_t noted = 0;
  std::size_t lives = depth == Depth::nested ? 1 : 0;
  bool opened = depth == Depth::nested || world.disk->options().syncs_directory;
  const CutPlaces places = cut_places(
      world.disk->log(),
      {.count = cuts, .opening_percent = kOpeningPercent, .later = depth == Depth::nested},
      random_);
  figures_.openings += places.in_openings;
  for (const std::size_t place : places.events) {
    power.advance_to(place);
    for (; noted < place; ++noted) {
      const test::DiskEvent& event = events[noted];
      if (event.deed != Deed::note) continue;
      if (event.file == kDurableNote) durable.push_back(event.at);
      if (event.file == kJournaledNote) add(must, event.at);
      if (event.file != kOpenNote) continue;
      opened = true;
      if (++lives == 2) add(must, world.opened);
    }
    const std::size_t kinds = test::kCrashKindCount - (careless_disk_ ? 0 : 1);
    const auto kind = static_cast<CrashKind>(below(random_, kinds));
    const std::string wrong = examine(world, power.image(kind, random_), durable, must, depth);
    if (wrong.empty() || !opened) continue;
    ++figures_.lost;
    return "cut before event " + std::to_string(place) + " of " + std::to_string(events.size()) +
           ", crash kind " + std::to_string(static_cast<int>(kind)) + ": " + wrong;
  }
  return {};
}

// Opens a journal on it that is not cut. The content as it is then.
std::string Run::open_again(const Image& image, IntakeContent& content) {
  const std::shared_ptr<Disk> disk = Disk::make(image);
  mount(disk);
  IntakeWriterOptions plainly = kPlainly;
  if (careless_disk_) plainly.synchronous = Synchronous::paranoid;
  Result<Journal> opened = Journal::open(database_, intake_journal_options(plainly));
  if (!opened) return "the next opening: " + opened.status().to_string();
  figures_.replayed += opened->stats().intake.replayed;
  content = inspector_.look(Disk::make(disk->content()));
  return content.damage;
}

std::string Run::examine(const World& world, const Image& image, const Ids& durable,
                         const Units& must, Depth depth) {
  ++figures_.cuts;
  if (depth == Depth::nested) ++figures_.nested;
  const Found found = plain_.look(Disk::make(image));
  if (!found.damage.empty()) return found.damage;
  std::string wrong = world.ledgers.plain.judge(found.present, durable);
  if (!wrong.empty()) return wrong;
  IntakeContent content;
  if (wrong = open_again(image, content); !wrong.empty()) return wrong;
  if (wrong = world.ledgers.intake.judge(content, must, world.gaps); !wrong.empty()) return wrong;
  if (depth == Depth::nested || !chance(random_, kNestedPercent)) return wrong;
  return live_again(world, image, durable, content);
}

// Another journal is opened on what the crash left, and the power is cut again: in its recovery,
// or later. Whatever happens, its recovery does what the one before did.
std::string Run::live_again(const World& world, const Image& image, const Ids& durable,
                            const IntakeContent& content) {
  World again;
  again.disk = Disk::make(image, world.disk->options());
  again.ledgers.plain.begin_after_power_cut(world.ledgers.plain,
                                            plain_.look(Disk::make(image)).present);
  again.ledgers.intake = world.ledgers.intake;
  again.must = again.ledgers.intake.begin(content, IntakeLedger::After::power_cut);
  again.durable = durable;
  again.gaps = world.gaps;
  std::string wrong = live_once(again, below(random_, 40), Ending::closed);
  if (wrong.empty()) wrong = cut(again, kNestedCuts, Depth::nested);
  return wrong.empty() ? wrong : "in the life after it: " + wrong;
}

}  // namespace

int prove(Flags& flags) {
  const std::uint64_t seed = flags.number("seed", 1);
  const std::uint64_t runs = flags.number("runs", 10);
  const std::uint64_t cuts = flags.number("cuts", 100);
  const std::string name = flags.text("control", "");
  flags.check();
  const Control* control = nullptr;
  for (const Control& each : kControls) {
    if (name == each.name) control = &each;
  }
  if (control == nullptr) {
    std::fprintf(stderr, "there is no control %s\n", name.c_str());
    return 2;
  }
  const test::TempDirectory directory;
  Run run(*control, directory / "cut.db");
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < runs; ++i) {
    const std::string wrong = run.go(seed + i, cuts);
    if (wrong.empty() || !name.empty()) continue;
    std::printf("%s\nagain: onelane_prove_intake_cuts --seed %llu --runs 1 --cuts %llu\n",
                wrong.c_str(), static_cast<unsigned long long>(seed + i),
                static_cast<unsigned long long>(cuts));
    return 1;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const Figures& figures = run.figures();
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%sintake cuts %llu, nested %llu, in openings %llu, lost or twice %llu; runs %llu, events "
      "%llu, groups %llu, waits for a segment %llu, journaled %llu, replayed %llu, %.1f s\n",
      name.empty() ? "" : (name + ": ").c_str(), number(figures.cuts), number(figures.nested),
      number(figures.openings), number(figures.lost), number(figures.runs), number(figures.events),
      number(figures.groups), number(figures.waits), number(figures.journaled),
      number(figures.replayed), took.count());
  return name.empty() || figures.lost > 0 ? 0 : 1;
}

}  // namespace onelane::prove
