// Fails each call that is made of an intake's files, one run for each, and looks what became of it.
//
//   onelane_prove_intake_calls [--seed N] [--runs N] [--fault N --after N]
//
// As onelane_prove_calls, with classes that have an intake: a seed gives a journal's life, which is
// lived once whole, and then once for each call, kind of error, and once or from then on. Whatever
// fails: all is settled once the disk is well again, or the journal is poisoned; no answer is
// wrong; and another opening finds each unit that was journaled once, or among the dead letters,
// with what is in the cache, and after a power cut.
#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <iterator>
#include <string>

#include "tests/prove/flags.h"
#include "tests/prove/intake_writer.h"
#include "tests/prove/last_words.h"
#include "tests/sim/disk_storage.h"
#include "tests/support/temp_directory.h"

namespace onelane::prove {
namespace {

using test::below;
using test::chance;
using test::CrashKind;
using test::Deed;
using test::Disk;
using test::PowerCut;
using test::Repeat;
using test::VfsCall;
using test::VfsFault;
using test::VfsFile;

constexpr std::size_t kSteps = 60;
constexpr std::size_t kTicksToSettle = 64;
constexpr std::size_t kAnyFault = ~std::size_t{0};

struct Kind {
  VfsCall call;
  int code;
};

constexpr Kind kKinds[] = {
    {VfsCall::open, SQLITE_CANTOPEN},
    {VfsCall::open, SQLITE_FULL},
    {VfsCall::remove, SQLITE_IOERR_DELETE},
    {VfsCall::access, SQLITE_IOERR_ACCESS},
    {VfsCall::read, SQLITE_IOERR_READ},
    {VfsCall::write, SQLITE_IOERR_WRITE},
    {VfsCall::write, SQLITE_FULL},
    {VfsCall::sync, SQLITE_IOERR_FSYNC},
    {VfsCall::file_size, SQLITE_IOERR_FSTAT},
};

struct Figures {
  std::uint64_t runs = 0;
  std::uint64_t errors = 0;
  std::uint64_t opened = 0;  // runs in which the journal could be opened, both times
  std::uint64_t poisoned = 0;
};

class Life {
 public:
  explicit Life(std::string database)
      : database_(std::move(database)),
        vfs_("disk", test::DiskVfs::Use::by_default),
        inspector_(database_) {
    intake::use_storage(&storage_);
  }
  ~Life() { intake::use_storage(nullptr); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // The first thing that was wrong, or nothing.
  std::string live(std::uint64_t seed, const VfsFault* fault);
  std::uint64_t calls(VfsCall call) const { return disk_->calls(call, VfsFile::intake); }
  const Figures& figures() const { return figures_; }

 private:
  enum class Ending : std::uint8_t { at_once, well };

  std::string live_once(Ending ending);
  std::string look(const test::Image& image, const IntakeLedger::Units& must);
  std::string examine();
  void mount(const std::shared_ptr<Disk>& disk) {
    vfs_.mount(disk);
    storage_.mount(disk);
  }

  const std::string database_;
  test::DiskVfs vfs_;
  test::DiskStorage storage_;
  IntakeInspector inspector_;
  Figures figures_;
  test::Random random_;
  IntakeWriter::Ledgers ledgers_;
  std::shared_ptr<Disk> disk_;
};

// Two lives, the first of which leaves units in the intake: so an opening's calls fail, too.
std::string Life::live(std::uint64_t seed, const VfsFault* fault) {
  random_.seed(seed);
  ledgers_.plain.clear();
  ledgers_.intake.clear();
  disk_ = Disk::make();
  if (fault != nullptr) disk_->fail(*fault);
  std::string wrong = live_once(Ending::at_once);
  if (wrong.empty()) wrong = live_once(Ending::well);
  ++figures_.runs;
  figures_.errors += disk_->failures();
  return wrong.empty() ? examine() : wrong;
}

std::string Life::live_once(Ending ending) {
  mount(disk_);
  IntakeWriter writer(disk_, ledgers_, random_, {.gather = std::chrono::milliseconds(500)});
  disk_->meanwhile([&writer](VfsCall, VfsFile) { writer.watch(); });
  const Status opened = writer.open(database_);
  if (!opened.ok()) {
    disk_->meanwhile(nullptr);
    return disk_->failures() != 0 ? "" : "open: " + opened.to_string();
  }
  ++figures_.opened;
  for (std::size_t step = 0; step < kSteps; ++step) writer.act();
  std::string wrong;
  if (ending == Ending::well) disk_->heal();
  if (ending == Ending::well && !writer.settles_within(kTicksToSettle)) {
    wrong = "not settled after the disk was well again";
  }
  (void)writer.close(ending == Ending::well ? std::chrono::seconds(10) : Duration(0));
  if (wrong.empty() && writer.unsettled() != 0) wrong = "not settled after close";
  if (!writer.stats().poison.ok()) ++figures_.poisoned;
  disk_->meanwhile(nullptr);
  writer.abandon();
  return wrong.empty() ? writer.wrong() : wrong;
}

// What another opening makes of it.
std::string Life::look(const test::Image& image, const IntakeLedger::Units& must) {
  const std::shared_ptr<Disk> disk = Disk::make(image);
  mount(disk);
  const Result<Journal> opened = Journal::open(database_, intake_journal_options({}));
  if (!opened) return "the next opening: " + opened.status().to_string();
  return ledgers_.intake.judge(inspector_.look(Disk::make(disk->content())), must, true);
}

std::string Life::examine() {
  PowerCut power(*disk_);
  const auto& events = disk_->log().events();
  const std::size_t place = below(random_, events.size() + 1);
  IntakeLedger::Units must;
  const auto note = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (events[i].deed != Deed::note || events[i].file != kJournaledNote) continue;
      must.resize(std::max<std::size_t>(must.size(), events[i].at + 1));
      must[events[i].at] = true;
    }
  };
  note(0, place);
  power.advance_to(place);
  const auto kind = static_cast<CrashKind>(below(random_, test::kCrashKindCount - 1));
  std::string wrong = look(power.image(kind, random_), must);
  if (!wrong.empty()) return wrong + ", after a power cut before event " + std::to_string(place);
  note(place, events.size());
  return look(disk_->content(), must);
}

class Sweep {
 public:
  explicit Sweep(std::string database) : life_(std::move(database)) {}

  bool seed(std::uint64_t seed, std::size_t only_fault, std::uint64_t only_after);
  const Figures& figures() const { return life_.figures(); }

 private:
  bool run(std::uint64_t seed, std::size_t index, std::uint64_t after);

  Life life_;
};

// Faults are numbered: each kind once, and then each from then on.
bool Sweep::seed(std::uint64_t seed, std::size_t only_fault, std::uint64_t only_after) {
  if (only_fault != kAnyFault) return run(seed, only_fault, only_after);
  LastWords::set("onelane_prove_intake_calls --seed " + std::to_string(seed));
  const std::string wrong = life_.live(seed, nullptr);
  if (!wrong.empty()) {
    std::printf("without any fault, seed %llu: %s\n", static_cast<unsigned long long>(seed),
                wrong.c_str());
    return false;
  }
  std::array<std::uint64_t, std::size(kKinds)> calls{};
  for (std::size_t i = 0; i < calls.size(); ++i) calls[i] = life_.calls(kKinds[i].call);
  for (std::size_t index = 0; index < 2 * calls.size(); ++index) {
    for (std::uint64_t after = 0; after < calls[index % calls.size()]; ++after) {
      if (!run(seed, index, after)) return false;
    }
  }
  return true;
}

bool Sweep::run(std::uint64_t seed, std::size_t index, std::uint64_t after) {
  const std::string again = "onelane_prove_intake_calls --seed " + std::to_string(seed) +
                            " --fault " + std::to_string(index) + " --after " +
                            std::to_string(after);
  LastWords::set(again);
  const Kind& kind = kKinds[index % std::size(kKinds)];
  const VfsFault fault{.call = kind.call,
                       .file = VfsFile::intake,
                       .code = kind.code,
                       .after = after,
                       .repeat = index < std::size(kKinds) ? Repeat::once : Repeat::always};
  const std::string wrong = life_.live(seed, &fault);
  if (wrong.empty()) return true;
  std::printf("%s\nagain: %s\n", wrong.c_str(), again.c_str());
  return false;
}

}  // namespace

int prove(Flags& flags) {
  std::uint64_t seed = flags.number("seed", 1);
  const std::uint64_t runs = flags.number("runs", 300);
  const std::size_t fault = flags.number("fault", kAnyFault);
  const std::uint64_t after = flags.number("after", 0);
  flags.check();
  const LastWords last_words;
  const test::TempDirectory directory;
  Sweep sweep(directory / "calls.db");
  const auto began = std::chrono::steady_clock::now();
  do {
    if (!sweep.seed(seed++, fault, after)) return 1;
  } while (fault == kAnyFault && sweep.figures().runs < runs);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const Figures& figures = sweep.figures();
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "intake calls that failed: runs %llu, errors %llu, openings %llu, poisoned %llu, wrong 0; "
      "%.1f s\n",
      number(figures.runs), number(figures.errors), number(figures.opened),
      number(figures.poisoned), took.count());
  return 0;
}

}  // namespace onelane::prove
