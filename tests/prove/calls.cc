// Fails each call that SQLite makes of a disk, one run for each, and looks what became of it all.
//
//   onelane_prove_calls [--what calls|syncs] [--seed N] [--runs N] [--fault N --after N]
//
// A seed gives a journal's life; it is lived once whole, to count its calls, and then once for each
// call, kind of error, and once or from then on. Whatever fails: nothing hangs or is left
// unsettled once the disk is well again, the database is whole, and no receipt is wrong, before and
// after a power cut. `syncs` fails syncs alone; after one, nothing may be called durable and
// nothing may be checkpointed. Ends with the seed in which the number of runs is reached.
#include <sqlite3.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "tests/prove/fault_sweep.h"
#include "tests/prove/last_words.h"
#include "tests/prove/writer.h"
#include "tests/support/temp_directory.h"

namespace onelane::prove {
namespace {

using test::below;
using test::chance;
using test::CrashKind;
using test::Deed;
using test::Disk;
using test::PowerCut;
using test::VfsCall;
using test::VfsFault;
using test::VfsFile;

constexpr std::size_t kSteps = 40;
constexpr std::size_t kTicksToSettle = 64;
constexpr std::size_t kCuts = 2;

using Kind = FaultSweep::Kind;

constexpr Kind kCalls[] = {
    {VfsCall::open, VfsFile::any, SQLITE_CANTOPEN},
    {VfsCall::open, VfsFile::any, SQLITE_IOERR},
    {VfsCall::remove, VfsFile::any, SQLITE_IOERR_DELETE},
    {VfsCall::access, VfsFile::any, SQLITE_IOERR_ACCESS},
    {VfsCall::read, VfsFile::any, SQLITE_IOERR_READ},
    {VfsCall::read, VfsFile::any, SQLITE_NOMEM},
    {VfsCall::write, VfsFile::any, SQLITE_IOERR_WRITE},
    {VfsCall::write, VfsFile::any, SQLITE_FULL},
    {VfsCall::truncate, VfsFile::any, SQLITE_IOERR_TRUNCATE},
    {VfsCall::sync, VfsFile::any, SQLITE_IOERR_FSYNC},
    {VfsCall::file_size, VfsFile::any, SQLITE_IOERR_FSTAT},
    {VfsCall::lock, VfsFile::any, SQLITE_IOERR_LOCK},
    {VfsCall::lock, VfsFile::any, SQLITE_BUSY},
    {VfsCall::shm_map, VfsFile::any, SQLITE_IOERR_SHMMAP},
    {VfsCall::shm_lock, VfsFile::any, SQLITE_IOERR_SHMLOCK},
    {VfsCall::shm_lock, VfsFile::any, SQLITE_BUSY},
    {VfsCall::unfetch, VfsFile::any, SQLITE_IOERR},
};
constexpr Kind kSyncs[] = {
    {VfsCall::sync, VfsFile::log, SQLITE_IOERR_FSYNC},
    {VfsCall::sync, VfsFile::database, SQLITE_IOERR_FSYNC},
    {VfsCall::sync, VfsFile::log, SQLITE_FULL},
    {VfsCall::sync, VfsFile::database, SQLITE_FULL},
    {VfsCall::sync, VfsFile::other, SQLITE_IOERR_FSYNC},  // the directory
};

struct Figures {
  std::uint64_t opened = 0;  // runs in which the journal could be opened
  std::uint64_t cuts = 0;
};

class Life {
 public:
  Life(std::string database, test::DiskVfs& vfs, Inspector& inspector, Figures& figures)
      : database_(std::move(database)), vfs_(vfs), inspector_(inspector), figures_(figures) {}

  // The first thing that was wrong, or nothing.
  std::string live(std::uint64_t seed, const VfsFault* fault);
  std::shared_ptr<Disk> disk() const { return disk_; }

 private:
  std::string act(Writer& writer);
  std::string examine();
  std::string look_after_sync_failure() const;

  const std::string database_;
  test::DiskVfs& vfs_;
  Inspector& inspector_;
  Figures& figures_;
  Random random_;
  Ledger ledger_;
  std::shared_ptr<Disk> disk_;
};

std::string Life::live(std::uint64_t seed, const VfsFault* fault) {
  random_.seed(seed);
  ledger_.clear();
  disk_ = Disk::make({}, {.syncs_directory = true});
  vfs_.mount(disk_);
  if (fault != nullptr) disk_->fail(*fault);
  std::string wrong;
  {
    Writer writer(disk_, ledger_,
                  {.synchronous = chance(random_, 30) ? Synchronous::full : Synchronous::normal,
                   .promise = chance(random_, 60) ? Promise::durable : Promise::committed});
    const Status opened = writer.open(database_);
    if (opened.ok()) {
      ++figures_.opened;
      disk_->note(kOpenNote, 0);
      wrong = act(writer);
    } else if (fault == nullptr) {
      return "open: " + opened.to_string();
    }
  }
  if (wrong.empty()) wrong = look_after_sync_failure();
  return wrong.empty() ? examine() : wrong;
}

std::string Life::act(Writer& writer) {
  std::uint64_t durable = 0;
  bool failed = false;
  for (std::size_t step = 0; step < kSteps; ++step) {
    const std::uint64_t syncs_failed = disk_->failed_syncs();
    writer.act(random_);
    if (failed && writer.durable() != durable) return "it went on calling commits durable";
    if (disk_->failed_syncs() == syncs_failed) continue;
    failed = true;
    durable = writer.durable();
  }
  disk_->heal();
  if (!writer.settles_within(kTicksToSettle)) return "not settled after the disk was well again";
  (void)writer.close();
  return writer.unsettled() == 0 ? "" : "not settled after close";
}

// Nothing is checkpointed once a sync has failed.
std::string Life::look_after_sync_failure() const {
  bool open = false;
  bool failed = false;
  for (const test::DiskEvent& event : disk_->log().events()) {
    open = open || event.deed == Deed::note;
    failed = failed || (open && event.deed == Deed::failed_sync);
    if (failed && event.deed == Deed::write && event.file == 0) return "copied back all the same";
  }
  return {};
}

// What is in the cache now, and what power cuts leave.
std::string Life::examine() {
  Found found = inspector_.look(Disk::make(disk_->content()));
  if (!found.damage.empty()) return found.damage;
  std::string wrong = ledger_.judge(found.present, {});
  PowerCut power(*disk_);
  const auto& events = disk_->log().events();
  std::vector<std::size_t> places(kCuts);
  for (std::size_t& place : places) place = below(random_, events.size() + 1);
  std::sort(places.begin(), places.end());
  for (const std::size_t place : places) {
    if (!wrong.empty()) return wrong;
    std::vector<std::uint64_t> durable;
    for (std::size_t i = 0; i < place; ++i) {
      if (events[i].deed == Deed::note && events[i].file == kDurableNote) {
        durable.push_back(events[i].at);
      }
    }
    power.advance_to(place);
    const auto kind = static_cast<CrashKind>(below(random_, test::kCrashKindCount - 1));
    found = inspector_.look(Disk::make(power.image(kind, random_)));
    ++figures_.cuts;
    wrong = found.damage.empty() ? ledger_.judge(found.present, durable) : found.damage;
    if (!wrong.empty()) wrong += ", after a power cut before event " + std::to_string(place);
  }
  return wrong;
}

}  // namespace

int prove(Flags& flags) {
  const std::string what = flags.text("what", "calls");
  FaultSweep sweep(flags, 1000);
  flags.check();
  const LastWords last_words;
  const test::TempDirectory directory;
  test::DiskVfs vfs("disk", test::DiskVfs::Use::by_default);
  Inspector inspector(directory / "calls.db");
  Figures figures;
  Life life(directory / "calls.db", vfs, inspector, figures);
  const bool fine = sweep.run({
      .program = "onelane_prove_calls --what " + what,
      .kinds = what == "syncs" ? std::span<const Kind>(kSyncs) : std::span<const Kind>(kCalls),
      .live = [&](std::uint64_t seed, const VfsFault* fault) { return life.live(seed, fault); },
      .disk = [&]() -> const Disk& { return *life.disk(); },
  });
  if (!fine) return 1;
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%s that failed: runs %llu, errors %llu, journals opened %llu, cuts %llu, wrong 0; "
      "%.1f s\n",
      what.c_str(), number(sweep.runs()), number(sweep.errors()), number(figures.opened),
      number(figures.cuts), sweep.seconds());
  return 0;
}

}  // namespace onelane::prove
