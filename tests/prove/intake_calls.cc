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
#include <string>

#include "tests/prove/fault_sweep.h"
#include "tests/prove/intake_lives.h"
#include "tests/prove/last_words.h"
#include "tests/sim/disk_storage.h"
#include "tests/support/temp_directory.h"

namespace onelane::prove {
namespace {

using test::below;
using test::CrashKind;
using test::Disk;
using test::PowerCut;
using test::VfsCall;
using test::VfsFault;
using test::VfsFile;

constexpr FaultSweep::Kind kKinds[] = {
    {VfsCall::open, VfsFile::intake, SQLITE_CANTOPEN},
    {VfsCall::open, VfsFile::intake, SQLITE_FULL},
    {VfsCall::remove, VfsFile::intake, SQLITE_IOERR_DELETE},
    {VfsCall::access, VfsFile::intake, SQLITE_IOERR_ACCESS},
    {VfsCall::read, VfsFile::intake, SQLITE_IOERR_READ},
    {VfsCall::write, VfsFile::intake, SQLITE_IOERR_WRITE},
    {VfsCall::write, VfsFile::intake, SQLITE_FULL},
    {VfsCall::sync, VfsFile::intake, SQLITE_IOERR_FSYNC},
    {VfsCall::file_size, VfsFile::intake, SQLITE_IOERR_FSTAT},
};

class Life {
 public:
  explicit Life(std::string database)
      : database_(std::move(database)),
        vfs_("disk", test::DiskVfs::Use::by_default),
        inspector_(database_),
        lives_({.database = database_,
                .writer = {.gather = std::chrono::milliseconds(500)},
                .heal = [this] { disk_->heal(); },
                .failed = [this] { return disk_->failures() != 0; }}) {
    intake::use_storage(&storage_);
  }
  ~Life() { intake::use_storage(nullptr); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // The first thing that was wrong, or nothing.
  std::string live(std::uint64_t seed, const VfsFault* fault);
  const Disk& disk() const { return *disk_; }
  const IntakeLives::Figures& figures() const { return lives_.figures(); }

 private:
  std::string look(const test::Image& image, const IntakeLedger::Units& must);
  std::string examine(test::Random& random);
  void mount(const std::shared_ptr<Disk>& disk) {
    vfs_.mount(disk);
    storage_.mount(disk);
  }

  const std::string database_;
  test::DiskVfs vfs_;
  test::DiskStorage storage_;
  IntakeInspector inspector_;
  std::shared_ptr<Disk> disk_;
  IntakeLives lives_;
};

std::string Life::live(std::uint64_t seed, const VfsFault* fault) {
  test::Random random(seed);
  disk_ = Disk::make();
  if (fault != nullptr) disk_->fail(*fault);
  mount(disk_);
  const std::string wrong = lives_.live(disk_, random);
  return wrong.empty() ? examine(random) : wrong;
}

// What another opening makes of it.
std::string Life::look(const test::Image& image, const IntakeLedger::Units& must) {
  const std::shared_ptr<Disk> disk = Disk::make(image);
  mount(disk);
  const Result<Journal> opened = Journal::open(database_, intake_journal_options({}));
  if (!opened) return "the next opening: " + opened.status().to_string();
  return lives_.ledger().judge(inspector_.look(Disk::make(disk->content())), must, true);
}

std::string Life::examine(test::Random& random) {
  PowerCut power(*disk_);
  const std::size_t events = disk_->log().size();
  const std::size_t place = below(random, events + 1);
  IntakeLedger::Units must;
  lives_.add_journaled(0, place, must);
  power.advance_to(place);
  const auto kind = static_cast<CrashKind>(below(random, test::kCrashKindCount - 1));
  std::string wrong = look(power.image(kind, random), must);
  if (!wrong.empty()) return wrong + ", after a power cut before event " + std::to_string(place);
  lives_.add_journaled(place, events, must);
  return look(disk_->content(), must);
}

}  // namespace

int prove(Flags& flags) {
  FaultSweep sweep(flags, 300);
  flags.check();
  const LastWords last_words;
  const test::TempDirectory directory;
  Life life(directory / "calls.db");
  const bool fine = sweep.run({
      .program = "onelane_prove_intake_calls",
      .kinds = kKinds,
      .live = [&](std::uint64_t seed, const VfsFault* fault) { return life.live(seed, fault); },
      .disk = [&]() -> const Disk& { return life.disk(); },
  });
  if (!fine) return 1;
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "intake calls that failed: runs %llu, errors %llu, openings %llu, poisoned %llu, wrong 0; "
      "%.1f s\n",
      number(sweep.runs()), number(sweep.errors()), number(life.figures().opened),
      number(life.figures().poisoned), sweep.seconds());
  return 0;
}

}  // namespace onelane::prove
