#include "bench/storm/lane_journal.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include "bench/kit/errors.h"
#include "bench/kit/required.h"
#include "bench/storm/strategy.h"

namespace onelane::bench::storm {
namespace {

constexpr std::chrono::seconds kSettleTimeout(60);
constexpr std::chrono::seconds kGiveUpTimeout(2);

}  // namespace

Pragmas pragmas_of(const WriteClass& own, Settings settings) {
  constexpr std::string_view kWhat = "reading the settings";
  auto pragmas = std::make_shared<Pragmas>();
  Job job{.name = "settings",
          .step = [pragmas, settings](Transaction& transaction) -> Result<Step> {
            pragmas->clear();
            for (std::string_view pragma : settings.names) {
              auto read = [&](const ResultRow& row) { pragmas->emplace_back(pragma, row.text(0)); };
              auto done = transaction.query(fmt::format("{} {}", settings.ask, pragma), read);
              if (!done) return done.status();
            }
            return Step::done;
          }};
  Receipt receipt = required(own.submit(std::move(job)), kWhat);
  require(required(receipt.wait(), kWhat).status(), kWhat);
  return *pragmas;
}

void give_up(Journal& journal) {
  const CloseReport report = journal.close(kGiveUpTimeout);
  throw RunError("the journal does not write what it has accepted: " + report.status.to_string());
}

JournalStats finish(Journal& journal, Watcher& watcher, Ledger& ledger) {
  const Status flushed = journal.flush(kSettleTimeout);
  ledger.merge(watcher.finish());
  JournalStats stats = journal.stats();
  ledger.merge_hold(stats.hold_ns);
  const CloseReport report = journal.close(kSettleTimeout);
  require(flushed, "flushing the journal");
  require(report.status, "closing the journal");
  return stats;
}

Result<Step> UnitsInSteps::step(Transaction& transaction, std::size_t units,
                                const std::function<Status(std::size_t)>& write) {
  const std::uint32_t steps = transaction.steps();
  std::size_t at = steps == 0 ? 0 : written_after_[steps - 1];
  do {
    if (Status status = write(at); !status.ok()) return status;
  } while (++at < units && !transaction.yield_due());
  written_after_.resize(steps);
  written_after_.push_back(at);
  return at < units ? Step::more : Step::done;
}

std::size_t UnitsInSteps::committed(const Outcome& outcome) const {
  return outcome.steps == 0 ? 0 : written_after_[outcome.steps - 1];
}

}  // namespace onelane::bench::storm
