// Cuts the power under a journal and looks what plain SQLite finds afterwards.
//
//   onelane_prove_cuts [--seed N] [--runs N] [--cuts N] [--careless PERCENT] [--control NAME]
//
// A run is a life of a journal on a disk in memory, moved by hand with a foreign connection that
// comes in the middle of its calls, or with threads; or two lives with a kill between them, or with
// a sync that failed. PERCENT of the lives are on a disk that ruins a write's neighbours, and are
// written under paranoid. At each of its cuts a crash is made up; the database is opened, checked,
// and compared with what had been called durable. On some of what crashes left another life begins,
// and is cut in its turn. A control leaves out something that durability needs, and must lose
// records: no-sync, early-ack, deaf-checkpointer, deaf-failure, unpadded.
#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include "tests/prove/crowd.h"
#include "tests/prove/cut_places.h"
#include "tests/prove/flags.h"
#include "tests/prove/writer.h"
#include "tests/support/temp_directory.h"

namespace onelane::prove {
namespace {

using test::below;
using test::chance;
using test::CrashKind;
using test::Deed;
using test::Disk;
using test::DiskOptions;
using test::Image;
using test::Lies;
using test::PowerCut;

struct Control {
  const char* name;
  Lies lies = Lies::none;
  bool acks_committed = false;
  bool fails_sync = false;
  bool unpadded = false;  // full on disks that want paranoid
};

constexpr Control kControls[] = {
    {.name = ""},
    {.name = "no-sync", .lies = Lies::every_sync},
    {.name = "early-ack", .acks_committed = true},
    {.name = "deaf-checkpointer", .lies = Lies::of_checkpointer},
    {.name = "deaf-failure", .lies = Lies::failed_syncs, .fails_sync = true},
    {.name = "unpadded", .unpadded = true},
};

constexpr std::uint64_t kCarelessPercent = 15;
constexpr std::size_t kThreadedPercent = 15;
constexpr std::size_t kKilledPercent = 25;
constexpr std::size_t kFailedSyncPercent = 40;  // of these
constexpr std::size_t kOpeningPercent = 10;     // of cuts, where a log may be found
constexpr std::size_t kNestedPercent = 2;       // of cuts
constexpr std::size_t kNestedCuts = 15;

struct Figures {
  std::uint64_t runs = 0;
  std::uint64_t events = 0;
  std::uint64_t log_resets = 0;
  std::uint64_t cuts = 0;
  std::uint64_t nested = 0;    // of these, in a life that began after a cut
  std::uint64_t openings = 0;  // of these, before a later life's journal was open
  std::uint64_t lost = 0;
};

using Ids = std::vector<std::uint64_t>;

// A disk and what was promised of it.
struct World {
  std::shared_ptr<Disk> disk;
  Ledger ledger;
  Ids durable{};        // before the disk's log began
  bool opened = false;  // a journal was, or SQLite's own syncs of the directory can be trusted
};

class Run {
 public:
  Run(const Control& control, std::string database, test::DiskVfs& vfs, Inspector& inspector)
      : control_(control), database_(std::move(database)), vfs_(vfs), inspector_(inspector) {}

  // How many of the lives are on a disk that ruins a write's neighbours, and paranoid.
  void set_careless(std::size_t percent) { careless_percent_ = percent; }

  // The first thing that was wrong, or nothing.
  std::string go(std::uint64_t seed, std::uint64_t cuts);
  const Figures& figures() const { return figures_; }

 private:
  enum class Depth : std::uint8_t { first, nested };

  Image before();
  std::string live(World& world, std::size_t steps);
  std::string live_twice(World& world, std::size_t steps);
  WriterOptions manner();
  void live_by_hand(World& world, std::size_t steps, bool killed);
  void interleave(Disk& disk, Foreign& foreign);
  void fail_a_sync(Disk& disk);
  std::string cut(World& world, std::uint64_t cuts, Depth depth);
  std::string examine(World& world, const Image& image, const Ids& durable, Depth depth);
  std::string live_again(const Image& image, const Found& found, const World& world,
                         const Ids& durable);
  void count(const World& world);

  const Control& control_;
  const std::string database_;
  test::DiskVfs& vfs_;
  Inspector& inspector_;
  Random random_;
  Figures figures_;
  // A write to the disk may ruin its neighbours, so all who write to it have to be paranoid.
  bool careless_disk_ = false;
  std::size_t careless_percent_ = 0;
};

std::string Run::go(std::uint64_t seed, std::uint64_t cuts) {
  random_.seed(seed);
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed), nullptr);
  sqlite3_randomness(0, nullptr);
  const bool control = control_.name[0] != '\0';
  careless_disk_ = control ? control_.unpadded : chance(random_, careless_percent_);
  World world;
  world.disk = Disk::make(before(), {.powersafe = !careless_disk_,
                                     .syncs_directory = chance(random_, 50),
                                     .lies = control_.lies});
  const std::string wrong = live(world, 20 + below(random_, 180));
  ++figures_.runs;
  return wrong.empty() ? cut(world, cuts, Depth::first) : wrong;
}

// Sometimes the database is there already, in any page size. How it came to be is not looked at.
Image Run::before() {
  if (chance(random_, 30)) return {};
  vfs_.mount(Disk::make());
  const std::size_t page = careless_disk_ ? 4096 : std::size_t{512} << below(random_, 4);
  Foreign foreign(database_);
  foreign.run("PRAGMA page_size=" + std::to_string(page) + "; CREATE TABLE other(x);");
  foreign.close();
  return vfs_.mounted()->content();
}

std::string Run::live(World& world, std::size_t steps) {
  vfs_.mount(world.disk);
  const bool control = control_.name[0] != '\0';
  if (!control && !careless_disk_ && chance(random_, kThreadedPercent)) {
    return crowd(world.disk, database_, world.ledger, random_).message();
  }
  if (!control && chance(random_, kKilledPercent)) return live_twice(world, steps);
  live_by_hand(world, steps, false);
  return {};
}

// A kill loses nothing that is in the cache, and the second life must not trust that it is on the
// disk: not even after a sync, if one failed before.
std::string Run::live_twice(World& world, std::size_t steps) {
  live_by_hand(world, 1 + below(random_, steps), true);
  const Found found = inspector_.look(Disk::make(world.disk->content()));
  std::string wrong = found.damage;
  if (wrong.empty()) wrong = world.ledger.begin_after_kill(found.present);
  if (!wrong.empty()) return wrong;
  vfs_.mount(world.disk);
  live_by_hand(world, 1 + below(random_, steps), false);
  return {};
}

WriterOptions Run::manner() {
  const bool full = control_.name[0] == '\0' && chance(random_, 25);
  return {.synchronous = control_.unpadded ? Synchronous::full
                         : careless_disk_  ? Synchronous::paranoid
                         : full            ? Synchronous::full
                                           : Synchronous::normal,
          .promise = chance(random_, 60) ? Promise::durable : Promise::committed,
          .acks_committed = control_.acks_committed};
}

void Run::live_by_hand(World& world, std::size_t steps, bool killed) {
  Foreign foreign(database_);
  Writer writer(world.disk, world.ledger, manner());
  world.disk->note(kLifeNote, 0);
  if (const Status status = writer.open(database_); !status.ok()) {
    std::fprintf(stderr, "open: %s\n", status.to_string().c_str());
    std::exit(1);
  }
  world.disk->note(kOpenNote, 0);
  const bool fails =
      control_.fails_sync || (killed && !careless_disk_ && chance(random_, kFailedSyncPercent));
  // Others do not hear of our failed syncs, and do not have to be careful.
  const bool alone = careless_disk_ || (fails && !control_.fails_sync);
  if (!alone) interleave(*world.disk, foreign);
  if (fails) fail_a_sync(*world.disk);
  for (; steps > 0; --steps) {
    writer.act(random_);
    if (!alone && chance(random_, 3)) foreign.run("PRAGMA wal_checkpoint(PASSIVE)");
  }
  world.disk->meanwhile(nullptr);
  if (killed) {
    writer.abandon();
    world.disk = world.disk->survivor();  // what closes after this does so on a dead disk
    return;
  }
  if (chance(random_, 80)) foreign.close();
  writer.close();
}

void Run::fail_a_sync(Disk& disk) {
  disk.fail({.call = test::VfsCall::sync,
             .file = test::VfsFile::log,
             .code = SQLITE_IOERR_FSYNC,
             .after = below(random_, 25)});
}

// A foreign writer comes in the middle of our own calls: while the log is checkpointed, synced or
// written.
void Run::interleave(Disk& disk, Foreign& foreign) {
  disk.meanwhile([this, &foreign](test::VfsCall call, test::VfsFile) {
    if (call != test::VfsCall::write && call != test::VfsCall::sync) return;
    if (!chance(random_, 5)) return;
    foreign.run("INSERT INTO foreign_rows(words) VALUES(hex(randomblob(" +
                std::to_string(1 + below(random_, 300)) + ")))");
  });
}

// Where SQLite's own sync of the directory fails, which it does not tell, a database can be made
// unreadable while its first page is written; nothing is promised before the journal is open.
std::string Run::cut(World& world, std::uint64_t cuts, Depth depth) {
  count(world);
  PowerCut power(*world.disk);
  const auto& events = world.disk->log().events();
  Ids durable = world.durable;
  std::size_t noted = 0;
  world.opened = world.opened || world.disk->options().syncs_directory;
  const CutPlaces places = cut_places(
      world.disk->log(),
      {.count = cuts, .opening_percent = kOpeningPercent, .later = depth == Depth::nested},
      random_);
  figures_.openings += places.in_openings;
  for (const std::size_t place : places.events) {
    power.advance_to(place);
    for (; noted < place; ++noted) {
      if (events[noted].deed != Deed::note) continue;
      world.opened = world.opened || events[noted].file != kLifeNote;
      if (events[noted].file == kDurableNote) durable.push_back(events[noted].at);
    }
    const std::size_t kinds = test::kCrashKindCount - (careless_disk_ ? 0 : 1);
    const auto kind = static_cast<CrashKind>(below(random_, kinds));
    const std::string wrong = examine(world, power.image(kind, random_), durable, depth);
    if (wrong.empty() || !world.opened) continue;
    ++figures_.lost;
    return "cut before event " + std::to_string(place) + " of " + std::to_string(events.size()) +
           ", crash kind " + std::to_string(static_cast<int>(kind)) + ": " + wrong;
  }
  return {};
}

std::string Run::examine(World& world, const Image& image, const Ids& durable, Depth depth) {
  ++figures_.cuts;
  if (depth == Depth::nested) ++figures_.nested;
  const Found found = inspector_.look(Disk::make(image));
  if (!found.damage.empty()) return found.damage;
  const std::string wrong = world.ledger.judge(found.present, durable);
  if (!wrong.empty() || depth == Depth::nested || !chance(random_, kNestedPercent)) return wrong;
  return live_again(image, found, world, durable);
}

// Another journal is opened on what the crash left, and the power is cut again: in its recovery,
// its opening, or later.
std::string Run::live_again(const Image& image, const Found& found, const World& world,
                            const Ids& durable) {
  World again;
  again.disk = Disk::make(image, world.disk->options());
  again.ledger.begin_after_power_cut(world.ledger, found.present);
  again.durable = durable;
  again.opened = world.opened;
  vfs_.mount(again.disk);
  live_by_hand(again, below(random_, 20), false);
  const std::string wrong = cut(again, kNestedCuts, Depth::nested);
  return wrong.empty() ? wrong : "in the life after it: " + wrong;
}

void Run::count(const World& world) {
  figures_.events += world.disk->log().size();
  for (const test::DiskEvent& event : world.disk->log().events()) {
    // The log's header, as nothing else is, is written in a piece of 32 bytes.
    if (event.deed == Deed::write && event.at == 0 && event.size == 32) ++figures_.log_resets;
  }
}

}  // namespace

int prove(Flags& flags) {
  const std::uint64_t seed = flags.number("seed", 1);
  const std::uint64_t runs = flags.number("runs", 10);
  const std::uint64_t cuts = flags.number("cuts", 200);
  const std::uint64_t careless = flags.number("careless", kCarelessPercent);
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
  const std::string database = directory / "cut.db";
  test::DiskVfs vfs("disk", test::DiskVfs::Use::by_default);
  Inspector inspector(database);
  Run run(*control, database, vfs, inspector);
  run.set_careless(careless);
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < runs; ++i) {
    const std::string wrong = run.go(seed + i, cuts);
    if (wrong.empty() || !name.empty()) continue;
    std::printf("%s\nagain: onelane_prove_cuts --seed %llu --runs 1 --cuts %llu --careless %llu\n",
                wrong.c_str(), static_cast<unsigned long long>(seed + i),
                static_cast<unsigned long long>(cuts), static_cast<unsigned long long>(careless));
    return 1;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const Figures& figures = run.figures();
  std::printf(
      "%scuts %llu, nested %llu, in openings %llu, lost %llu; runs %llu, events %llu, log resets "
      "%llu, %.1f s\n",
      name.empty() ? "" : (name + ": ").c_str(), static_cast<unsigned long long>(figures.cuts),
      static_cast<unsigned long long>(figures.nested),
      static_cast<unsigned long long>(figures.openings),
      static_cast<unsigned long long>(figures.lost), static_cast<unsigned long long>(figures.runs),
      static_cast<unsigned long long>(figures.events),
      static_cast<unsigned long long>(figures.log_resets), took.count());
  return name.empty() || figures.lost > 0 ? 0 : 1;
}

}  // namespace onelane::prove
