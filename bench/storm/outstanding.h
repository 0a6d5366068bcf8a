// Receipts that nobody waits for, kept to learn how they ended.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/storm/ledger.h"
#include "onelane/receipt.h"

namespace onelane::bench::storm {

struct Outstanding {
  Mark mark;
  Instant intended;
  Receipt receipt;
};

// Enters how a write ended into the ledger.
void settle(const Mark& mark, Instant intended, const Outcome& outcome, Ledger& ledger);
// The same of a write that was not accepted, or whose wait failed.
void refuse(Source source, Instant intended, const Status& status, Ledger& ledger);

// Looks at all that is outstanding every millisecond, on a thread of its own: their times are at
// most that much too long.
class Watcher {
 public:
  Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher();

  void watch(Outstanding one);
  // Once everything watched is settled: ends the thread, and gives what it learned.
  const Ledger& finish();

 private:
  void loop();
  void look(std::vector<Outstanding>& watched);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Outstanding> added_;
  bool finishing_ = false;
  Ledger ledger_;  // the thread's, until it has ended
  std::thread thread_;
};

}  // namespace onelane::bench::storm
