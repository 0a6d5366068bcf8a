// A user of a manual journal: pushes, ticks, looks at receipts, and writes down the answers. Beside
// it a foreign connection writes, reads and checkpoints.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onelane/onelane.h"
#include "tests/prove/ledger.h"
#include "tests/sim/foreign.h"
#include "tests/sim/power_cut.h"
#include "tests/support/fake_clock.h"

namespace onelane::prove {

using test::Foreign;
using test::Random;

struct WriterOptions {
  Synchronous synchronous = Synchronous::full;
  Promise promise = Promise::committed;  // of all that is pushed
  bool acks_committed = false;           // calls durable what is only committed
};

class Writer {
 public:
  Writer(std::shared_ptr<test::Disk> disk, Ledger& ledger, const WriterOptions& options);

  Status open(const std::string& database);
  // One thing that a program may do.
  void act(Random& random);
  void push(Random& random);
  void tick();
  void wait(Random& random);
  void pass_time() { clock_->advance(std::chrono::milliseconds(300)); }
  // Lets time pass and runs ticks until all units are settled. False if that does not happen.
  bool settles_within(std::size_t ticks);
  std::size_t unsettled() const;
  std::uint64_t durable() const { return journal_->stats().durable; }
  CloseReport close();
  // As when the process is killed: it gives no further answer.
  void abandon() { waiting_.clear(); }

 private:
  struct Waiting {
    Receipt receipt;
    std::vector<std::uint64_t> ids;
    bool settled = false;
  };
  void listen();
  Row row(Random& random, std::uint64_t id);

  const std::shared_ptr<test::Disk> disk_;
  Ledger& ledger_;
  const WriterOptions options_;
  const std::shared_ptr<test::FakeClock> clock_ = std::make_shared<test::FakeClock>();
  std::optional<Journal> journal_;
  std::optional<WriteClass> class_;
  Statement insert_{};
  std::vector<Waiting> waiting_;
};

}  // namespace onelane::prove
