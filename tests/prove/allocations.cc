// Fails each allocation, one run for each, and looks what became of it all.
//
//   onelane_prove_allocations [--what pushes|all] [--seed N] [--runs N] [--fault N --after N]
//
// SQLite's allocations fail everywhere. Ours fail in pushes, where the caller is told; `all` has
// them fail in opening and in ticks, too, which is more than the engine withstands today.
//
// A seed gives the life of a journal that is moved by hand; it is lived once whole, to count what
// it allocates, and then once for each allocation, failing that one, or all from then on until the
// life's end. Whatever fails: nothing ends by an exception, hangs, leaks (under AddressSanitizer)
// or is left unsettled once there is memory again, the database is whole, and no receipt is wrong.
#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

#include "tests/prove/flags.h"
#include "tests/prove/last_words.h"
#include "tests/prove/writer.h"
#include "tests/support/temp_directory.h"

namespace onelane::prove {
namespace {

// Counts down while it is armed, on the thread that armed it; the checks themselves do not count.
thread_local bool t_armed = false;
std::uint64_t g_allocations = 0;
std::uint64_t g_fails_at = ~std::uint64_t{0};
bool g_fails_on = false;
std::uint64_t g_failures = 0;
// Whether operator new fails, too: in pushes, or everywhere.
thread_local bool t_ours = false;
bool g_all = false;

bool refused() noexcept {
  if (!t_armed || test::DiskVfs::inside()) return false;
  const std::uint64_t at = g_allocations++;
  if (at != g_fails_at && !(g_fails_on && at > g_fails_at)) return false;
  ++g_failures;
  return true;
}

bool refused_ours() noexcept { return (t_ours || g_all) && refused(); }

// What a test does by itself is given memory.
class Spared {
 public:
  Spared() : armed_(std::exchange(t_armed, false)) {}
  ~Spared() { t_armed = armed_; }
  Spared(const Spared&) = delete;
  Spared& operator=(const Spared&) = delete;

 private:
  const bool armed_;
};

sqlite3_mem_methods g_methods;

void fail_sqlite_too() {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &g_methods);
  sqlite3_mem_methods ours = g_methods;
  ours.xMalloc = [](int size) { return refused() ? nullptr : g_methods.xMalloc(size); };
  ours.xRealloc = [](void* at, int size) {
    return refused() ? nullptr : g_methods.xRealloc(at, size);
  };
  sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
  sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
}

}  // namespace
}  // namespace onelane::prove

void* operator new(std::size_t size) {
  void* at = onelane::prove::refused_ours() ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (at == nullptr) throw std::bad_alloc();
  return at;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return onelane::prove::refused_ours() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, const std::nothrow_t&) noexcept { std::free(at); }

namespace onelane::prove {
namespace {

using test::Disk;

constexpr int kSteps = 12;
constexpr int kTicksToSettle = 64;

// Public calls may throw bad_alloc: that is an answer, and everything is as before the call.
class Life {
 public:
  Life(const std::string& database, test::DiskVfs& vfs, Inspector& inspector)
      : database_(database), vfs_(vfs), inspector_(inspector) {}

  std::string live(std::uint64_t seed);

 private:
  struct Pushed {
    std::uint64_t id;
    Receipt receipt;
  };
  void use(Random& random);
  void push(std::uint64_t id, const Row& row, Promise promise);
  bool settle();
  std::string judge();

  const std::string& database_;
  test::DiskVfs& vfs_;
  Inspector& inspector_;
  std::shared_ptr<test::FakeClock> clock_;
  Ledger ledger_;
  std::optional<Journal> journal_;
  std::optional<WriteClass> class_;
  std::optional<Statement> insert_;
  std::vector<Pushed> pushed_;
};

std::string Life::live(std::uint64_t seed) {
  Random random(seed);
  ledger_.clear();
  pushed_.clear();
  pushed_.reserve(kSteps);
  clock_ = std::make_shared<test::FakeClock>();
  vfs_.mount(Disk::make());
  t_armed = true;
  try {
    use(random);
  } catch (const std::bad_alloc&) {
    // Of opening: a program that cannot open its journal has none.
  }
  t_armed = false;
  std::string wrong;
  if (journal_ && !settle()) wrong = "not settled after there was memory again";
  if (journal_) (void)journal_->close(std::chrono::seconds(10));
  if (wrong.empty()) wrong = judge();
  pushed_.clear();
  class_.reset();
  insert_.reset();
  journal_.reset();
  return wrong;
}

void Life::use(Random& random) {
  Result<Journal> opened =
      Journal::open(database_, {.schema = kSchema, .drive = Drive::manual, .clock = clock_});
  if (!opened) return;
  journal_.emplace(*std::move(opened));
  Result<WriteClass> added = journal_->add_class({.name = "writes"});
  if (!added) return;
  class_.emplace(*std::move(added));
  const Result<Statement> insert =
      journal_->add_statement({kInsert, {{ColumnType::integer}, {ColumnType::text}}});
  if (!insert) return;
  insert_ = *insert;
  for (int step = 0; step < kSteps; ++step) {
    std::uint64_t id = 0;
    Row row;
    {
      const Spared spared;
      id = ledger_.add();
      put(row, static_cast<std::int64_t>(id), std::string(test::below(random, 2000), 'x'));
    }
    const Promise promise = test::chance(random, 50) ? Promise::durable : Promise::committed;
    try {
      push(id, row, promise);
      if (test::chance(random, 60)) (void)journal_->tick();
      if (test::chance(random, 10)) (void)journal_->sync();
    } catch (const std::bad_alloc&) {
      // The record's fate is its receipt's, if there is one.
    }
    clock_->advance(std::chrono::milliseconds(300));
  }
}

void Life::push(std::uint64_t id, const Row& row, Promise promise) {
  bool accepted = false;
  try {
    t_ours = true;
    Result<Receipt> receipt = class_->submit(*insert_, row, {.promise = promise});
    t_ours = false;
    accepted = receipt.ok();
    if (accepted) pushed_.push_back({id, *std::move(receipt)});
  } catch (const std::bad_alloc&) {
    t_ours = false;
  }
  if (!accepted) ledger_.settled(id, {.end = End::closed});
}

bool Life::settle() {
  for (int tick = 0; tick < kTicksToSettle; ++tick) {
    (void)journal_->tick();
    clock_->advance(std::chrono::milliseconds(300));
  }
  for (const Pushed& each : pushed_) {
    if (!each.receipt.poll()) return false;
  }
  return true;
}

std::string Life::judge() {
  std::vector<std::uint64_t> committed;
  for (const Pushed& each : pushed_) {
    const std::optional<Outcome> outcome = each.receipt.poll();
    if (!outcome) return "not settled after close";
    ledger_.settled(each.id, *outcome);
    if (outcome->committed()) committed.push_back(each.id);
  }
  const Found found = inspector_.look(Disk::make(vfs_.mounted()->content()));
  return found.damage.empty() ? ledger_.judge(found.present, committed) : found.damage;
}

struct Figures {
  std::uint64_t runs = 0;
  std::uint64_t errors = 0;
};

class Sweep {
 public:
  explicit Sweep(std::string database)
      : database_(std::move(database)),
        vfs_("disk", test::DiskVfs::Use::by_default),
        inspector_(database_) {}

  bool seed(std::uint64_t seed) {
    if (!run(seed, false, ~std::uint64_t{0})) return false;
    const std::uint64_t all = g_allocations;
    for (const bool on : {false, true}) {
      for (std::uint64_t at = 0; at < all; ++at) {
        if (!run(seed, on, at)) return false;
      }
    }
    return true;
  }
  bool run(std::uint64_t seed, bool on, std::uint64_t at) {
    const std::string again = std::string("onelane_prove_allocations --what ") +
                              (g_all ? "all" : "pushes") + " --seed " + std::to_string(seed) +
                              " --fault " + (on ? "1" : "0") + " --after " + std::to_string(at);
    LastWords::set(again);
    g_allocations = 0;
    g_fails_at = at;
    g_fails_on = on;
    const std::string wrong = Life(database_, vfs_, inspector_).live(seed);
    ++figures_.runs;
    figures_.errors += std::exchange(g_failures, 0);
    if (!wrong.empty()) std::printf("%s\nagain: %s\n", wrong.c_str(), again.c_str());
    return wrong.empty();
  }
  const Figures& figures() const { return figures_; }

 private:
  const std::string database_;
  test::DiskVfs vfs_;
  Inspector inspector_;
  Figures figures_;
};

int prove(Flags& flags) {
  std::uint64_t seed = flags.number("seed", 1);
  const std::uint64_t runs = flags.number("runs", 1000);
  const std::uint64_t fault = flags.number("fault", 2);
  const std::uint64_t after = flags.number("after", 0);
  const std::string what = flags.text("what", "pushes");
  flags.check();
  g_all = what == "all";
  fail_sqlite_too();
  const LastWords last_words;
  const test::TempDirectory directory;
  Sweep sweep(directory / "allocations.db");
  const auto began = std::chrono::steady_clock::now();
  do {
    const bool fine = fault == 2 ? sweep.seed(seed++) : sweep.run(seed, fault == 1, after);
    if (!fine) return 1;
  } while (fault == 2 && sweep.figures().runs < runs);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("allocations that failed: runs %llu, errors %llu, wrong 0; %.1f s\n",
              static_cast<unsigned long long>(sweep.figures().runs),
              static_cast<unsigned long long>(sweep.figures().errors), took.count());
  return 0;
}

}  // namespace
}  // namespace onelane::prove

int main(int argc, char** argv) {
  onelane::prove::Flags flags(argc, argv);
  return onelane::prove::prove(flags);
}
