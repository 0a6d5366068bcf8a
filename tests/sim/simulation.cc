#include "tests/sim/simulation.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>
#include <utility>

namespace onelane::test {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kLivesMax = 4;
constexpr std::size_t kStepsMax = 50;  // of a life
constexpr std::size_t kCallsBits = 12;
constexpr std::size_t kPushPercent = 40;
constexpr int kElsewherePercent = 3;         // of the disk's calls
constexpr int kElsewhereInSyncPercent = 25;  // of its syncs
// After others went on in the midst of a sync, what it did not cover is soon lost, if anything is.
constexpr int kCrashAfterSyncPercent = 30;
constexpr std::size_t kCallsToCrash = 30;

struct FaultCode {
  VfsCall call;
  int code;
};
constexpr FaultCode kIoErrors[] = {
    {VfsCall::read, SQLITE_IOERR_READ},
    {VfsCall::write, SQLITE_IOERR_WRITE},
    {VfsCall::truncate, SQLITE_IOERR_TRUNCATE},
    {VfsCall::file_size, SQLITE_IOERR_FSTAT},
    {VfsCall::lock, SQLITE_IOERR_LOCK},
    {VfsCall::lock, SQLITE_BUSY},
    {VfsCall::shm_map, SQLITE_IOERR_SHMMAP},
    {VfsCall::shm_lock, SQLITE_IOERR_SHMLOCK},
    {VfsCall::shm_lock, SQLITE_BUSY},
    {VfsCall::open, SQLITE_CANTOPEN},
    {VfsCall::access, SQLITE_IOERR_ACCESS},
    {VfsCall::remove, SQLITE_IOERR_DELETE},
    {VfsCall::write, SQLITE_FULL},
};

Duration cost_of(VfsCall call) {
  if (call == VfsCall::sync) return microseconds(400);
  return call == VfsCall::write || call == VfsCall::read ? microseconds(4) : microseconds(1);
}

}  // namespace

Simulation::Simulation(Machine& machine, std::uint64_t seed, Intake intake, std::FILE* trace)
    : machine_(machine),
      random_(seed),
      trace_(trace),
      features_(random_, intake == Intake::some),
      user_({random_, trace_, history_, *clock_, index_}, features_) {
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed % INT32_MAX) + 1, nullptr);
  sqlite3_randomness(0, nullptr);
}

const std::string& Simulation::run() {
  const std::size_t page = below(random_, Machine::kPageSizes + 1);
  disk_ = Disk::make(page == Machine::kPageSizes ? Image() : machine_.blank(page),
                     {.syncs_directory = chance(random_, 50)});
  const std::size_t lives = below(random_, kLivesMax);
  for (std::size_t i = 0; i < lives && wrong_.empty() && !lost_; ++i) live(End::as_it_may);
  if (wrong_.empty() && !lost_) live(End::answered);
  trace_.add("end", history_.units(), wrong_.size());
  figures_.units = history_.units();
  return wrong_;
}

// --- A life.

void Simulation::live(End end) {
  ++figures_.lives;
  trace_.add("life", figures_.lives);
  machine_.mount(disk_);
  disk_->meanwhile([this](VfsCall call, VfsFile file) { meanwhile(call, file); });
  heal();
  failures_ = disk_->failures();
  failures_when_armed_ = failures_of_sqlite();
  sync_failed_ = sync_failed_before_ = quiet_ = log_removed_ = false;
  durable_ = 0;
  may_crash_ = end == End::as_it_may && (features_.kills || features_.power_cuts);
  calls_left_ = 0;
  if (may_crash_ && chance(random_, 60)) {
    calls_left_ = 1 + below(random_, std::size_t{2} << below(random_, kCallsBits));
  }
  if (end == End::as_it_may && chance(random_, 20)) arm();
  if (features_.own_file) drop_real_locks();  // the process of the life before has ended
  const Status opened = open();
  trace_.add("open", static_cast<std::uint64_t>(opened.code()));
  if (opened.ok() && going_on()) {
    opened_once_ = true;
    index_.missing = false;
    foreign_.emplace(ForeignProcess::World{random_, trace_, history_, index_}, features_, machine_);
    const std::size_t steps = below(random_, kStepsMax);
    for (std::size_t i = 0; i < steps && going_on(); ++i) act();
    if (end == End::answered) {
      answer_all();
    } else if (going_on() && chance(random_, 50)) {
      close();
    } else if (going_on()) {
      crash();
    }
  } else if (!crashed_ && disk_->failures() == failures_) {
    complain("open failed: " + opened.to_string());
  }
  leave();
}

JournalOptions Simulation::options() {
  JournalOptions out{
      .schema = simulation_schema(features_),
      .synchronous = features_.full_synchronous ? Synchronous::full : Synchronous::normal,
      .drive = Drive::manual,
      .close_timeout = Duration(0),
      .wal_limit_bytes = kMiB,
      .clock = clock_};
  if (features_.intake) {
    const std::uint64_t segment = (features_.large_rows ? 128 : 64) * kKiB;
    out.intake = {.segment_bytes = segment,
                  .most_bytes = (2 + below(random_, 2)) * segment,
                  .dead_letters = kSimulatedLetters};
  }
  out.tick.records = 32 + below(random_, 64);
  out.tick.hold = milliseconds(1 + below(random_, 10));
  return out;
}

Status Simulation::open() {
  Result<Journal> opened = Journal::open(machine_.database(), options());
  if (!opened) return opened.status();
  journal_.emplace(*std::move(opened));
  return user_.begin(*journal_);
}

void Simulation::arm() {
  if (!features_.io_errors && !features_.sync_errors && !features_.full_disk) return;
  const VfsFault fault = any_fault();
  trace_.add("arm", static_cast<std::uint64_t>(fault.call), fault.after);
  note_failures();
  armed_ = fault.call;
  may_fail_ = true;
  failures_when_armed_ = failures_of_sqlite();
  disk_->fail(fault);
}

void Simulation::heal() {
  disk_->heal();
  may_fail_ = false;
}

VfsFault Simulation::any_fault() {
  VfsFault out;
  const std::size_t what = below(random_, 3);
  if ((what == 0 && features_.sync_errors) || (!features_.io_errors && !features_.full_disk)) {
    out = {.call = VfsCall::sync, .code = SQLITE_IOERR_FSYNC, .after = below(random_, 3)};
  } else if ((what == 1 && features_.full_disk) || !features_.io_errors) {
    out = {.call = VfsCall::write, .code = SQLITE_FULL, .after = below(random_, 30)};
    out.repeat = Repeat::always;
    return out;
  } else {
    const FaultCode& code = kIoErrors[below(random_, std::size(kIoErrors))];
    out = {.call = code.call, .code = code.code, .after = below(random_, 30)};
  }
  if (chance(random_, 20)) out.repeat = Repeat::always;
  if (chance(random_, 30)) out.file = VfsFile::log;
  return out;
}

void Simulation::act() {
  sync_failed_before_ = sync_failed_;
  const std::size_t what = below(random_, 100);
  if (what < kPushPercent) {
    for (std::size_t i = below(random_, 6); i-- > 0;) user_.push();
  } else if (what < 68) {
    tick();
  } else if (what < 74) {
    clock_->advance(microseconds(1 + below(random_, std::size_t{1} << below(random_, 20))));
  } else if (what < 80) {
    if (features_.foreign) act_as_foreign();
  } else if (what == 80) {
    if (features_.own_file) open_own_file();
  } else if (what == 81 && features_.removal && chance(random_, 20)) {
    remove_log();
  } else if (what < 87) {
    arm();
  } else if (what < 90) {
    heal();
  } else if (what < 93) {
    if (features_.cancels) user_.cancel();
  } else if (what < 95) {
    if (features_.barriers) flush();
  } else if (what < 97) {
    if (features_.barriers) trace_.add("sync", static_cast<std::uint64_t>(journal_->sync().code()));
  } else {
    user_.wait_durable();
  }
  // Statistics are dear: where nothing can have been settled they are looked at now and then only.
  const bool quiet = what < kPushPercent && !chance(random_, 20);
  if (!going_on() || quiet) return;
  listen();
  user_.check_stats();
}

// Half of them give up at once, and leave nothing behind.
void Simulation::flush() {
  const Status flushed = chance(random_, 50) ? journal_->flush(Duration(0)) : journal_->flush();
  trace_.add("flush", static_cast<std::uint64_t>(flushed.code()));
}

void Simulation::tick() {
  const bool outer = std::exchange(in_tick_, true);
  const Result<TickReport> report = journal_->tick();
  in_tick_ = outer;
  trace_.add("tick", report ? report->units : 0,
             static_cast<std::uint64_t>(report.status().code()));
  if (report && report->next && !report->more && chance(random_, 50)) {
    clock_->advance(std::max(Duration(0), *report->next - clock_->now()));
  }
}

// Another process's failed sync is its own affair: of the log's, ours hear by themselves.
void Simulation::as_foreign(const std::function<void(ForeignProcess&)>& deed) {
  note_failures();
  const bool outer = std::exchange(foreign_runs_, true);
  deed(*foreign_);
  foreign_runs_ = outer;
  failures_when_armed_ = failures_of_sqlite();
  if (!foreign_->wrong().empty()) complain(foreign_->wrong());
}

void Simulation::act_as_foreign() {
  as_foreign([this](ForeignProcess& process) { process.act(*disk_, *journal_); });
}

// Nobody finds it any more, and what is written to it is gone with the process: nothing of that may
// be told. No promise covers what the database's file holds without its log, so this ends the seed.
void Simulation::remove_log() {
  trace_.add("the log is removed", 0);
  listen();
  close_foreign();
  quiet_ = true;
  if (disk_->remove(machine_.database() + "-wal") != SQLITE_OK) return;
  log_removed_ = true;
  const JournalStats before = user_.stats();
  for (std::size_t i = 1 + below(random_, 6); i-- > 0 && going_on();) {
    user_.push();
    if (chance(random_, 70)) tick();
    if (chance(random_, 30)) (void)journal_->sync();
  }
  lost_ = true;
  if (crashed_) return;
  const JournalStats after = journal_->stats();
  if (after.committed > before.committed) complain("commits went to a log that was removed");
  if (after.durable > before.durable) complain("durable went up in a log that was removed");
}

void Simulation::close_foreign() {
  as_foreign([](ForeignProcess& process) { process.close(); });
}

// A copy of it is enough. Its process loses what locks it has on the file.
void Simulation::open_own_file() {
  trace_.add("own file", 0);
  disk_->drop_locks(machine_.database(), machine_.process());
  drop_real_locks();
}

// onelane's own are on the real file beside the simulated ones.
void Simulation::drop_real_locks() const { (void)std::ifstream(machine_.database()); }

bool Simulation::unhurt() const { return disk_->failures() == failures_ && !log_removed_; }

void Simulation::listen() {
  note_failures();
  user_.listen(unhurt());
  if (!user_.wrong().empty()) complain(user_.wrong());
  if (!history_.wrong().empty()) complain(history_.wrong());
  if (sync_failed_ && user_.stats().durable > durable_) {
    complain("durable went up to " + std::to_string(user_.stats().durable) +
             " after a failed sync");
  }
}

// --- The end of a life.

// Nothing fails any more, and nobody else is there.
void Simulation::settle_all() {
  quiet_ = true;
  heal();
  close_foreign();
  const std::size_t ticks_max = kTicksToSettle + kTicksPerUnit * user_.unsettled();
  for (std::size_t ticks = 0; going_on(); ++ticks) {
    const Duration waits = tick_calmly();
    const bool poisoned = !user_.stats().poison.ok();
    if (user_.unsettled() == 0 && (poisoned || !user_.undurable())) break;
    if (poisoned || ticks == ticks_max) {
      complain(std::to_string(user_.unsettled()) + " units are unsettled after " +
               std::to_string(ticks) + " ticks" + (poisoned ? ", and poison" : "") +
               (user_.undurable() ? ", and not durable" : ""));
    }
    clock_->advance(waits);
  }
  user_.check_stats();
}

// And how long it is to the next one.
Duration Simulation::tick_calmly() {
  const Result<TickReport> report = journal_->tick();
  listen();
  const bool waits = report && report->next && !report->more;
  return waits ? std::max(Duration(1), *report->next - clock_->now()) : Duration(1);
}

// Nothing fails any more, and nothing waits: a stall that is left must end by itself.
void Simulation::push_after_all() {
  std::size_t ticks = 0;
  while (!user_.push() && going_on()) {
    if (++ticks > kTicksToSettle) return complain("pushes are refused though nothing fails");
    clock_->advance(tick_calmly());
    if (!user_.stats().poison.ok()) return;
  }
}

// Everything is answered, and goes on to be: after poison, by reopening.
void Simulation::answer_all() {
  settle_all();
  if (!going_on()) return;
  if (user_.stats().poison.ok()) {
    push_after_all();
    settle_all();
    if (!going_on()) return;
    const Status synced = journal_->sync();
    listen();
    // Another process's failed sync of the log may be told to us now only.
    const bool may_fail = (disk_->failed_syncs() > 0 || log_removed_) && !user_.stats().poison.ok();
    if (!synced.ok() && !may_fail) complain("a sync failed for no reason: " + synced.to_string());
  }
  const bool poisoned = !user_.stats().poison.ok();
  close();
  if (!poisoned) return;
  leave();
  if (wrong_.empty()) live(End::answered);
}

void Simulation::close() {
  sync_failed_before_ = sync_failed_;
  const bool calm = disk_->failures() == failures_;
  quiet_ = true;
  close_foreign();
  heal();
  user_.closing();
  const CloseReport report = journal_->close(chance(random_, 30) ? Duration(0) : seconds(10));
  trace_.add("close", static_cast<std::uint64_t>(report.status.code()),
             report.end(onelane::End::closed));
  if (crashed_) return;
  listen();
  user_.check_stats();
  if (user_.unsettled() > 0) complain("close left units unsettled");
  if (calm && disk_->failures() == failures_ && report.status.ok()) {
    look(machine_.without_log(disk_->content()), Break::none);
  }
}

// Whatever it was, it is over: the next life has what is left.
void Simulation::leave() {
  if (wrong_.empty() && crashed_) return recover();
  disk_->meanwhile(nullptr);
  heal();
  figures_.failures += disk_->failures() - failures_;
  if (!user_.stats().poison.ok()) ++figures_.poisoned;
  user_.end();
  foreign_.reset();
  journal_.reset();
  if (wrong_.empty()) look(disk_->content(), Break::none);
}

void Simulation::recover() {
  const bool cut = features_.power_cuts && (!features_.kills || chance(random_, 50));
  figures_.failures += disk_->failures() - failures_;
  if (!user_.stats().poison.ok()) ++figures_.poisoned;
  disk_->meanwhile(nullptr);
  user_.end();
  foreign_.reset();
  journal_.reset();
  crashed_ = false;
  const std::shared_ptr<Disk> dead = std::exchange(disk_, std::move(survivor_));
  if (cut) {
    ++figures_.power_cuts;
    PowerCut power(*dead);
    power.advance_to(crashed_at_);
    const auto kind = static_cast<CrashKind>(below(random_, kCrashKindCount - 1));
    trace_.add("power cut", crashed_at_, static_cast<std::uint64_t>(kind));
    // Until a journal was open, its directory may have lost the database.
    const bool whole = opened_once_ || dead->options().syncs_directory;
    disk_ = Disk::make(whole ? power.image(kind, random_) : Image(), dead->options());
  } else {
    ++figures_.kills;
    trace_.add("kill", crashed_at_);
  }
  look(disk_->content(), cut ? Break::power_cut : Break::none);
}

void Simulation::look(const Image& image, Break after) {
  if (lost_) return;
  const Machine::Found found =
      features_.intake ? machine_.open_and_look(image, features_) : machine_.look(image);
  machine_.mount(disk_);
  if (!found.damage.empty()) return complain("the database is damaged: " + found.damage);
  trace_.add("found", found.content.rows.size(), history_.units());
  const std::string wrong = history_.look(found.content, after);
  if (!wrong.empty()) complain(wrong);
}

// --- In the middle of a call.

void Simulation::meanwhile(VfsCall call, VfsFile file) {
  trace_.add("call", static_cast<std::uint64_t>(call), static_cast<std::uint64_t>(file));
  clock_->advance(cost_of(call));
  if (crashed_ || beside_) return;
  if (journal_) user_.watch();
  if (calls_left_ > 0 && --calls_left_ == 0) return crash();
  watch_syncs(call, file);
  const bool syncs = call == VfsCall::sync && !foreign_runs_;
  if (features_.interleaving && journal_ && foreign_ &&
      chance(random_, syncs ? kElsewhereInSyncPercent : kElsewherePercent)) {
    go_on_elsewhere(call);
    if (syncs && may_crash_ && chance(random_, kCrashAfterSyncPercent)) crash_soon();
  }
}

// Within the sync, or a little after it.
void Simulation::crash_soon() {
  const std::size_t calls = below(random_, kCallsToCrash);
  if (calls == 0) return crash();
  calls_left_ = calls;
}

void Simulation::go_on_elsewhere(VfsCall within) {
  const std::size_t what = below(random_, 11);
  trace_.add("meanwhile", what);
  if (what < 4) {
    user_.push();
  } else if (what < 7) {
    // Refused in the lane. A fence waits for the sync that runs, which here would be for ever:
    // there must be no need for one, from before either.
    if (within == VfsCall::sync) user_.push();
    const bool no_fence = !may_fail_ && disk_->failures() == failures_;
    if (within != VfsCall::sync || no_fence) tick();
  } else if (what < 8) {
    if (features_.cancels) user_.cancel();
  } else if (what < 10) {
    if (features_.foreign && !quiet_) act_as_foreign();
  } else if (in_tick_ && within != VfsCall::sync) {
    sync_beside();
  }
  // The syncs of what went on here were not watched.
  if (!sync_failed_) {
    note_failures();
    if (sync_failed_) durable_ = journal_->stats().durable;
  }
  user_.listen(unhurt());
}

// A caller that waits for durable syncs in the middle of a tick. It needs a thread of its own,
// since a caller in the lane may not wait; no other thread runs meanwhile. Only where the sync
// cannot fail: to poison the lane, it would wait for the tick.
void Simulation::sync_beside() {
  if (may_fail_ || log_removed_ || disk_->failed_syncs() > 0) return;
  if (!user_.stats().poison.ok()) return;
  beside_ = true;
  std::thread([this] { user_.wait_durable(); }).join();
  beside_ = false;
}

// After a failed sync nothing becomes durable, and nothing is checkpointed any more.
void Simulation::watch_syncs(VfsCall call, VfsFile file) {
  if (foreign_runs_) return;  // its failures are counted out afterwards
  note_failures();
  if (!journal_) return;
  const bool may_fail = may_fail_ && armed_ == VfsCall::sync;
  if (call == VfsCall::sync && may_fail && !sync_failed_) durable_ = journal_->stats().durable;
  const bool copies = call == VfsCall::write && file == VfsFile::database;
  if (copies && sync_failed_before_) complain("a page was copied back after a failed sync");
}

std::uint64_t Simulation::failures_of_sqlite() const {
  return disk_->failures() - disk_->failed_intake_syncs();
}

void Simulation::note_failures() {
  if (armed_ == VfsCall::sync && failures_of_sqlite() > failures_when_armed_) sync_failed_ = true;
}

void Simulation::crash() {
  crashed_ = true;
  crashed_at_ = disk_->log().size();
  survivor_ = disk_->survivor();
  calls_left_ = 0;
}

void Simulation::complain(const std::string& what) {
  if (wrong_.empty()) wrong_ = what;
}

}  // namespace onelane::test
