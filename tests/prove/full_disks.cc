// Fills disks of many sizes, and checks what became of each unit.
//
//   onelane_prove_full_disks [--sizes N] [--on memory|tmpfs|either] [--control none|no-ballast]
//
// On each disk a journal writes until there is no room, stays there for a while, and goes on once
// there is room; half of the journals are closed and opened again on the full disk. Nothing that
// was acknowledged is missing, and nothing that was rejected or expired is there. While the disk is
// full, deadlines expire on time and others can read. Once there is room, all is settled within 64
// ticks. Half of the journals keep a ballast: then, with the disk still full, the database's file
// alone has all that was committed, since the log could be checkpointed. The control leaves the
// ballast out, and fails if that holds on every disk all the same.
//
// tmpfs: disks of the system's, which takes root; memory: simulated ones, a third of which have no
// room because a quota is used up.
#include <sqlite3.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/prove/flags.h"
#include "tests/prove/last_words.h"
#include "tests/prove/writer.h"
#include "tests/support/temp_directory.h"

namespace onelane::prove {
namespace {

using test::Disk;
using test::NoRoom;

constexpr std::uint64_t kSmallest = 256 * kKiB;
constexpr std::uint64_t kLargest = 4 * kMiB;
constexpr int kTicksToSettle = 64;
constexpr int kTicksWhileFull = 64;
constexpr std::size_t kRecordBytes = 1500;
constexpr int kRecordsPerTick = 8;
constexpr Duration kStep = std::chrono::milliseconds(300);

// A disk of a size, with a database on it.
class Volume {
 public:
  Volume() = default;
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;
  virtual ~Volume() = default;
  virtual const std::string& database() const = 0;
  virtual void resize(std::uint64_t bytes) = 0;
  // The ids in the database's file, left alone without its log; and in both.
  virtual Found file_alone() = 0;
  virtual Found whole() = 0;
};

Found read(const std::string& path) {
  Found found;
  sqlite3* db = nullptr;
  sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr);
  const auto run = [&](const char* sql, auto&& visit) {
    sqlite3_stmt* rows = nullptr;
    int code = sqlite3_prepare_v2(db, sql, -1, &rows, nullptr);
    while (code == SQLITE_OK && sqlite3_step(rows) == SQLITE_ROW) visit(rows);
    code = sqlite3_finalize(rows);
    if (code != SQLITE_OK) found.damage = std::string(sql) + ": " + sqlite3_errmsg(db);
  };
  run("PRAGMA integrity_check", [&found](sqlite3_stmt* row) {
    const std::string said = reinterpret_cast<const char*>(sqlite3_column_text(row, 0));
    if (said != "ok") found.damage = said;
  });
  run("SELECT id FROM records", [&found](sqlite3_stmt* row) {
    const auto id = static_cast<std::size_t>(sqlite3_column_int64(row, 0));
    found.present.resize(std::max(found.present.size(), id + 1));
    found.present[id] = true;
  });
  sqlite3_close(db);
  return found;
}

class InMemory final : public Volume {
 public:
  InMemory(std::uint64_t bytes, NoRoom why) : why_(why) {
    resize(bytes);
    vfs_.mount(disk_);
  }
  const std::string& database() const override { return database_; }
  void resize(std::uint64_t bytes) override { disk_->set_room(bytes, why_); }
  Found file_alone() override {
    test::Image image;
    for (const auto& [name, bytes] : disk_->content()) {
      if (name.ends_with(".db")) image[name] = bytes;
    }
    vfs_.mount(Disk::make(image));
    Found found = read(database_);
    vfs_.mount(disk_);
    return found;
  }
  Found whole() override { return read(database_); }

 private:
  const test::TempDirectory directory_;
  const std::string database_ = directory_ / "full.db";
  const NoRoom why_;
  const std::shared_ptr<Disk> disk_ = Disk::make();
  test::DiskVfs vfs_{"full", test::DiskVfs::Use::by_default};
};

class Tmpfs final : public Volume {
 public:
  explicit Tmpfs(std::uint64_t bytes) { mounted_ = mount(bytes, 0); }
  ~Tmpfs() override {
    if (mounted_) (void)::umount2(at_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  const std::string& database() const override { return database_; }
  void resize(std::uint64_t bytes) override { (void)mount(bytes, MS_REMOUNT); }
  Found file_alone() override {
    const test::TempDirectory elsewhere;
    const std::string copy = elsewhere / "copy.db";
    {
      // Not opened and closed here, which would end the journal's locks on it.
      const std::string command = "cp '" + database_ + "' '" + copy + "'";
      if (std::system(command.c_str()) != 0) return {.damage = "cannot be copied", .present = {}};
    }
    return read(copy);
  }
  Found whole() override { return read(database_); }

 private:
  bool mount(std::uint64_t bytes, unsigned long flags) {
    const std::string options = "size=" + std::to_string(bytes);
    return ::mount("onelane", at_.c_str(), "tmpfs", flags, options.c_str()) == 0;
  }
  const test::TempDirectory directory_;
  const std::string at_ = directory_.path().string();
  const std::string database_ = directory_ / "full.db";
  bool mounted_ = false;
};

struct Figures {
  std::uint64_t sizes = 0;
  std::uint64_t records = 0;
  std::uint64_t ticks_max = 0;  // until all was settled
  std::uint64_t reopened = 0;   // while the disk was full
  std::uint64_t wedged = 0;     // the log could not be checkpointed while the disk was full
};

struct Course {
  std::uint64_t bytes;
  std::uint64_t ballast;
  bool reopens;  // while the disk is full
};

class Life {
 public:
  Life(Volume& volume, const Course& course, Figures& figures)
      : volume_(volume),
        bytes_(course.bytes),
        ballast_(course.ballast),
        reopens_(course.reopens),
        figures_(figures) {}
  // What is wrong, or nothing.
  std::string live();

 private:
  struct Pushed {
    std::uint64_t id;
    Receipt receipt;
  };
  Status open();
  bool push(const PushOptions& options);
  void tick() {
    (void)journal_->tick();
    clock_->advance(kStep);
  }
  bool settled() const;
  std::string fill();
  std::string stay_full();
  std::string reopen();
  std::string go_on();
  std::string judge();

  Volume& volume_;
  const std::uint64_t bytes_;
  const std::uint64_t ballast_;
  const bool reopens_;
  Figures& figures_;
  const std::shared_ptr<test::FakeClock> clock_ = std::make_shared<test::FakeClock>();
  Ledger ledger_;
  std::optional<Journal> journal_;
  std::optional<WriteClass> class_;
  Statement insert_{};
  std::vector<Pushed> pushed_;
};

std::string Life::live() {
  if (Status opened = open(); !opened.ok()) return opened.to_string();
  for (auto step : {&Life::fill, &Life::stay_full, &Life::reopen, &Life::go_on}) {
    if (std::string wrong = (this->*step)(); !wrong.empty()) return wrong;
  }
  if (const CloseReport report = journal_->close(std::chrono::seconds(10)); !report.status.ok()) {
    return report.status.to_string();
  }
  figures_.records += pushed_.size();
  ++figures_.sizes;
  return judge();
}

Status Life::open() {
  Result<Journal> opened = Journal::open(
      volume_.database(),
      {.schema = kSchema, .drive = Drive::manual, .ballast_bytes = ballast_, .clock = clock_});
  if (!opened) return opened.status();
  journal_.emplace(*std::move(opened));
  Result<WriteClass> added = journal_->add_class({.name = "writes"});
  Result<Statement> insert =
      journal_->add_statement({kInsert, {{ColumnType::integer}, {ColumnType::text}}});
  if (!added) return added.status();
  if (!insert) return insert.status();
  class_.emplace(*std::move(added));
  insert_ = *insert;
  return {};
}

bool Life::push(const PushOptions& options) {
  const std::uint64_t id = ledger_.add();
  Row row;
  put(row, static_cast<std::int64_t>(id), std::string(kRecordBytes, 'x'));
  Result<Receipt> receipt = class_->submit(insert_, row, options);
  if (!receipt) {
    ledger_.settled(id, {.end = End::closed});
    return false;
  }
  pushed_.push_back({id, *std::move(receipt)});
  return true;
}

bool Life::settled() const {
  return std::all_of(pushed_.begin(), pushed_.end(),
                     [](const Pushed& each) { return each.receipt.poll().has_value(); });
}

// Pushes and ticks until a tick leaves units, and pushes are refused.
std::string Life::fill() {
  const std::size_t most = 2 * bytes_ / kRecordBytes;
  for (std::size_t n = 0; n < most; n += kRecordsPerTick) {
    bool taken = true;
    for (int i = 0; i < kRecordsPerTick; ++i) {
      taken = push({.promise = i % 2 == 0 ? Promise::durable : Promise::committed}) && taken;
    }
    tick();
    if (!taken) return {};
  }
  return settled() ? "the disk is not full" : "";
}

std::string Life::stay_full() {
  const bool late = push({.deadline = clock_->now() + kStep});
  const std::size_t last = pushed_.size() - 1;
  for (int i = 0; i < kTicksWhileFull; ++i) tick();
  if (late) {
    const std::optional<Outcome> outcome = pushed_[last].receipt.poll();
    if (!outcome) return "a deadline did not expire while the disk was full";
  }
  const Found whole = volume_.whole();
  if (!whole.damage.empty()) return "while it is full: " + whole.damage;
  if (volume_.file_alone().present != whole.present) {
    ++figures_.wedged;
    if (ballast_ != 0) return "the log is not copied back, with a ballast";
  }
  return {};
}

// Closes and opens, as a program does that is started again. The close answers every unit that was
// not committed.
std::string Life::reopen() {
  if (!reopens_) return {};
  if (journal_->close(std::chrono::seconds(10)).status.ok()) return "closed as if there were room";
  if (!settled()) return "not settled after close";
  class_.reset();
  journal_.reset();
  ++figures_.reopened;
  const Status opened = open();
  return opened.ok() ? "" : "reopened while it is full: " + opened.to_string();
}

std::string Life::go_on() {
  volume_.resize(4 * bytes_ + kMiB);
  for (std::uint64_t ticks = 1; ticks <= kTicksToSettle; ++ticks) {
    tick();
    if (!settled()) continue;
    figures_.ticks_max = std::max(figures_.ticks_max, ticks);
    if (!push({})) continue;
    tick();
    const std::optional<Outcome> outcome = pushed_.back().receipt.poll();
    if (!outcome || !outcome->committed()) return "it does not go on once there is room";
    return journal_->stats().log.ballast_bytes == ballast_ ? "" : "the ballast is not there again";
  }
  return "not settled within 64 ticks once there was room";
}

std::string Life::judge() {
  std::vector<std::uint64_t> committed;
  for (const Pushed& each : pushed_) {
    const std::optional<Outcome> outcome = each.receipt.poll();
    if (!outcome) return "not settled after close";
    ledger_.settled(each.id, *outcome);
    if (outcome->committed()) committed.push_back(each.id);
  }
  const Found found = volume_.whole();
  return found.damage.empty() ? ledger_.judge(found.present, committed) : found.damage;
}

}  // namespace

int prove(Flags& flags) {
  const std::uint64_t sizes = flags.number("sizes", 200);
  const std::string on = flags.text("on", "either");
  const bool control = flags.text("control", "none") == "no-ballast";
  flags.check();
  const LastWords last_words;
  const auto began = std::chrono::steady_clock::now();
  const bool real = on != "memory" && Tmpfs(kLargest).mounted();
  if (on == "tmpfs" && !real) {
    std::puts("tmpfs cannot be mounted here; it takes root");
    return 1;
  }
  Figures figures;
  for (std::uint64_t i = 0; i < sizes; ++i) {
    const std::uint64_t page = 4 * kKiB;
    const std::uint64_t bytes =
        (kSmallest + (kLargest - kSmallest) * i / std::max<std::uint64_t>(1, sizes - 1)) / page *
        page;
    const std::uint64_t ballast = control || i % 2 == 0 ? 0 : bytes / 2;
    const Course course{.bytes = bytes, .ballast = ballast, .reopens = i % 4 >= 2};
    const bool quota = !real && i % 3 == 1;
    const std::string again = "size " + std::to_string(bytes) + ", ballast " +
                              std::to_string(ballast) + (course.reopens ? ", reopened" : "") +
                              (real    ? ", tmpfs"
                               : quota ? ", memory with a quota"
                                       : ", memory");
    LastWords::set(again);
    std::unique_ptr<Volume> volume;
    if (real) {
      volume = std::make_unique<Tmpfs>(bytes);
    } else {
      volume = std::make_unique<InMemory>(bytes, quota ? NoRoom::quota : NoRoom::full_disk);
    }
    const std::string wrong = Life(*volume, course, figures).live();
    if (!wrong.empty()) {
      std::printf("%s\nagain: %s\n", wrong.c_str(), again.c_str());
      return 1;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (control && figures.wedged == 0) {
    std::puts("without a ballast no log was stuck: the test cannot fail");
    return 1;
  }
  std::printf(
      "full disks (%s): sizes %llu, records %llu, reopened while full %llu, ticks to go on at most "
      "%llu, stuck without "
      "a ballast %llu, with one 0, wrong 0; %.1f s\n",
      real ? "tmpfs" : "memory", static_cast<unsigned long long>(figures.sizes),
      static_cast<unsigned long long>(figures.records),
      static_cast<unsigned long long>(figures.reopened),
      static_cast<unsigned long long>(figures.ticks_max),
      static_cast<unsigned long long>(figures.wedged), took.count());
  return 0;
}

}  // namespace onelane::prove
