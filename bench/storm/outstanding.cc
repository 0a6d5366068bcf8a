#include "bench/storm/outstanding.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace onelane::bench::storm {
namespace {

constexpr std::chrono::milliseconds kLook(1);

Instant now() { return std::chrono::steady_clock::now(); }

Refusal refusal_of(const Status& status) {
  switch (status.code()) {
    case Errc::full:
    case Errc::timed_out:
    case Errc::locked:
      return Refusal::busy;
    default:
      return Refusal::failed;
  }
}

}  // namespace

void settle(const Mark& mark, Instant intended, const Outcome& outcome, Ledger& ledger) {
  Nanoseconds total = now() - intended;
  switch (outcome.end) {
    case End::committed: {
      Mark committed = mark;
      committed.order = outcome.commit;
      ledger.acknowledge(committed, outcome.changes, total);
      break;
    }
    case End::superseded:
      ledger.refuse(mark.source, Refusal::superseded, total);
      break;
    case End::dropped:
      ledger.refuse(mark.source, Refusal::dropped, total);
      break;
    default:
      ledger.refuse(mark.source, Refusal::failed, total,
                    std::string(name(outcome.end)) + ": " + outcome.cause.to_string());
  }
}

void refuse(Source source, Instant intended, const Status& status, Ledger& ledger) {
  ledger.refuse(source, refusal_of(status), now() - intended, status.to_string());
}

Watcher::Watcher() : thread_([this] { loop(); }) {}

Watcher::~Watcher() {
  if (thread_.joinable()) (void)finish();
}

void Watcher::watch(Outstanding one) {
  std::lock_guard lock(mutex_);
  added_.push_back(std::move(one));
  changed_.notify_one();
}

const Ledger& Watcher::finish() {
  {
    std::lock_guard lock(mutex_);
    finishing_ = true;
    changed_.notify_one();
  }
  thread_.join();
  return ledger_;
}

void Watcher::loop() {
  std::vector<Outstanding> watched;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (watched.empty()) {
        changed_.wait(lock, [this] { return finishing_ || !added_.empty(); });
        if (added_.empty()) return;
      }
      std::move(added_.begin(), added_.end(), std::back_inserter(watched));
      added_.clear();
    }
    look(watched);
    if (!watched.empty()) std::this_thread::sleep_for(kLook);
  }
}

void Watcher::look(std::vector<Outstanding>& watched) {
  auto settled = [this](const Outstanding& one) {
    std::optional<Outcome> outcome = one.receipt.poll();
    if (outcome) settle(one.mark, one.intended, *outcome, ledger_);
    return outcome.has_value();
  };
  watched.erase(std::remove_if(watched.begin(), watched.end(), settled), watched.end());
}

}  // namespace onelane::bench::storm
