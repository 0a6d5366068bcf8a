// A caller that waits until its unit is journaled, beside a caller that hands the pen over, a
// time-out and a close. One of the threads is stopped at the n-th call that it makes of the clock,
// of the intake's files or of sleep, and the other thing happens then; for each n.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "src/intake/folder.h"
#include "tests/sim/disk_storage.h"
#include "tests/support/before_sleep.h"
#include "tests/support/scale.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What has not ended by then is held up by the thread that is stopped.
constexpr milliseconds kHeldUp{3};
constexpr seconds kForEver{20};
constexpr int kBackgroundSteps = 16;

template <class T>
T ok(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return std::move(result).value();
}

// The steps of one thread, or of all that the journal has itself.
class Steps {
 public:
  // At the n-th step of them, from 0, does this, once.
  void stop_at(int n, std::function<void()> deed) {
    deed_ = std::move(deed);
    left_.store(n);
  }
  // Whether the step came; nobody is at it any more.
  bool finish() {
    const bool came = left_.exchange(-1) < 0;
    while (at_it_.load() != 0) std::this_thread::yield();
    return came;
  }

  // Every thread calls it at each step.
  static void step() {
    Steps* const steps = own_ != nullptr ? own_ : background_.load();
    if (steps == nullptr || (own_ == nullptr && is_the_tests_)) return;
    steps->at_it_.fetch_add(1);
    if (steps->left_.load() >= 0 && steps->left_.fetch_sub(1) == 0) steps->deed_();
    steps->at_it_.fetch_sub(1);
  }
  static void set_own(Steps* steps) { own_ = steps; }
  static void set_background(Steps* steps) { background_.store(steps); }
  static void this_is_the_tests() { is_the_tests_ = true; }

 private:
  std::function<void()> deed_;
  std::atomic<int> left_{-1};
  std::atomic<int> at_it_{0};

  static inline thread_local Steps* own_ = nullptr;
  static inline thread_local bool is_the_tests_ = false;
  static inline std::atomic<Steps*> background_{nullptr};
};

class SteppingClock final : public Clock {
 public:
  TimePoint now() const noexcept override {
    Steps::step();
    return steady_clock().now();
  }
};

// A thread of the test's.
class Beside {
 public:
  explicit Beside(std::function<void()> deed, Steps* steps = nullptr) {
    std::promise<void> done;
    done_ = done.get_future();
    thread_ = std::thread([deed = std::move(deed), done = std::move(done), steps]() mutable {
      Steps::this_is_the_tests();
      Steps::set_own(steps);
      const BeforeSleep sleep([] { Steps::step(); });
      deed();
      Steps::set_own(nullptr);
      done.set_value();
    });
  }
  ~Beside() { thread_.join(); }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  bool ends_within(Duration patience) const {
    return done_.wait_for(patience) == std::future_status::ready;
  }

 private:
  std::future<void> done_;
  std::thread thread_;
};

enum class Stopped : std::uint8_t { waiter, leader, background };
enum class Meanwhile : std::uint8_t { hands_over, pushes, closes_at_once, closes, cancels };
enum class Way : std::uint8_t { waits, waits_briefly, gives_a_deadline, writes };

struct Case {
  Stopped stopped;
  Meanwhile meanwhile;
  Way way;
};

class JournaledSteps : public ::testing::Test {
 protected:
  JournaledSteps() {
    Steps::this_is_the_tests();
    intake::use_storage(&storage_);
    disk_->meanwhile([](VfsCall, VfsFile) { Steps::step(); });
    open();
  }
  ~JournaledSteps() override {
    journal_.reset();
    intake::use_storage(nullptr);
  }

  void open() {
    JournalOptions options;
    options.schema = "CREATE TABLE IF NOT EXISTS t(id INTEGER)";
    options.clock = std::make_shared<SteppingClock>();
    options.close_timeout = Duration(0);
    options.intake.segment_bytes = 64 * kKiB;
    options.intake.most_bytes = 4 * 64 * kKiB;
    options.intake.dead_letters = "dead";
    journal_.emplace(ok(Journal::open(database_, options)));
    class_.emplace(ok(journal_->add_class({.name = "t",
                                           .gather = std::chrono::hours(1),
                                           .promise = Promise::journaled,
                                           .intake = true})));
    insert_ = ok(journal_->add_statement({"INSERT INTO t VALUES(?1)", {{ColumnType::integer}}}));
  }

  // Whether the thread that is to be stopped came to its n-th step.
  bool run(const Case& one, int n);

  void wait(Way way);
  void note(const Result<Journaled>& journaled);
  void meanwhile(Meanwhile what);
  Row row(std::int64_t id) const { return Row().integer(id); }

  TempDirectory directory_{TempDirectory::Where::in_memory};
  const std::filesystem::path database_ = directory_ / "test.db";
  const std::shared_ptr<Disk> disk_ = Disk::make();
  DiskStorage storage_{disk_};
  std::optional<Journal> journal_;
  std::optional<WriteClass> class_;
  Statement insert_;
  std::int64_t id_ = 0;         // of the unit that is waited for
  std::optional<Receipt> its_;  // where it can be cancelled
  std::string told_;
  Steps steps_;
};

void JournaledSteps::note(const Result<Journaled>& journaled) {
  const Errc code = journaled.status().code();
  EXPECT_TRUE(journaled.ok() || code == Errc::not_journaled || code == Errc::closed)
      << journaled.status().to_string();
  told_ = journaled.ok() ? "promised" : "refused";
}

void JournaledSteps::wait(Way way) {
  if (way == Way::gives_a_deadline) {
    return note(class_->journal(insert_, row(id_), {.deadline = class_->now() + milliseconds(1)}));
  }
  if (way == Way::writes) {
    const Result<Outcome> outcome =
        class_->write(insert_, row(id_), {.promise = Promise::committed});
    const bool promised =
        outcome.ok() && (outcome->end == End::committed || outcome->end == End::carried);
    told_ = promised ? "promised" : "refused";
    return;
  }
  if (!its_) {
    Result<Receipt> receipt = class_->submit(insert_, row(id_));
    if (!receipt) return note(receipt.status());
    its_.emplace(*std::move(receipt));
  }
  Result<Journaled> journaled = way == Way::waits
                                    ? its_->wait_journaled()
                                    : its_->wait_journaled_for(std::chrono::microseconds(100));
  if (journaled.status().code() == Errc::timed_out) journaled = its_->wait_journaled();
  note(journaled);
}

void JournaledSteps::meanwhile(Meanwhile what) {
  switch (what) {
    case Meanwhile::hands_over:
      return (void)class_->journal(insert_, row(-1));
    case Meanwhile::pushes:
      return (void)class_->push(insert_, row(-1));
    case Meanwhile::closes_at_once:
      return (void)journal_->close(Duration(0));
    case Meanwhile::closes:
      return (void)journal_->close(kForEver);
    case Meanwhile::cancels:
      if (its_) (void)its_->cancel();
  }
}

bool JournaledSteps::run(const Case& one, int n) {
  ++id_;
  told_.clear();
  its_.reset();
  // There before the threads are, which all look at it.
  if (one.meanwhile == Meanwhile::cancels) its_.emplace(ok(class_->submit(insert_, row(id_))));
  std::optional<Beside> waiter, other;
  bool came = false;
  {
    std::optional<Beside> leader;
    const auto happen = [&] {
      if (one.stopped == Stopped::leader) {
        waiter.emplace([&] { wait(one.way); });
        if (waiter->ends_within(kHeldUp)) return;
      }
      other.emplace([&] { meanwhile(one.meanwhile); });
      (void)other->ends_within(kHeldUp);
    };
    steps_.stop_at(n, happen);
    if (one.stopped == Stopped::background) Steps::set_background(&steps_);
    if (one.stopped == Stopped::leader) {
      leader.emplace([&] { (void)class_->journal(insert_, row(-2)); }, &steps_);
    } else {
      waiter.emplace([&] { wait(one.way); }, one.stopped == Stopped::waiter ? &steps_ : nullptr);
    }
    if (leader) {
      EXPECT_TRUE(leader->ends_within(kForEver)) << "the leader outlives its sync";
    }
    Steps::set_background(nullptr);
    came = steps_.finish();
    if (waiter) {
      EXPECT_TRUE(waiter->ends_within(kForEver)) << "the waiter outlives its sync";
    }
    if (::testing::Test::HasFailure()) (void)journal_->close(Duration(0));
  }
  waiter.reset();
  other.reset();
  (void)journal_->close(Duration(0));
  const bool waited = !told_.empty();
  open();  // applies what is left
  if (waited) {
    const std::string sql = "SELECT count(*) FROM t WHERE id = " + std::to_string(id_);
    EXPECT_EQ(query(database_, sql), told_ == "promised" ? "1" : "0") << told_;
  }
  return came;
}

// The journal's threads take as many steps as they like.
TEST_F(JournaledSteps, NoWaiterOutlivesItsSyncWhereverAHandOverATimeOutOrACloseComes) {
  int cases = 0;
  for (const Stopped stopped : {Stopped::waiter, Stopped::leader, Stopped::background}) {
    for (const Meanwhile meanwhile :
         {Meanwhile::hands_over, Meanwhile::pushes, Meanwhile::closes_at_once, Meanwhile::closes,
          Meanwhile::cancels}) {
      for (const Way way : {Way::waits, Way::waits_briefly, Way::gives_a_deadline, Way::writes}) {
        const bool cancels = meanwhile == Meanwhile::cancels;
        if (cancels && (way == Way::gives_a_deadline || way == Way::writes)) continue;
        const Case one{stopped, meanwhile, way};
        for (int n = 0; run(one, n); ++n) {
          ++cases;
          ASSERT_FALSE(HasFailure()) << static_cast<int>(stopped) << static_cast<int>(meanwhile)
                                     << static_cast<int>(way) << " at step " << n;
          if (stopped == Stopped::background && n == kBackgroundSteps) break;
        }
      }
    }
  }
  EXPECT_GT(cases, 100);
}

}  // namespace
}  // namespace onelane::test
