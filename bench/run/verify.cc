#include "bench/run/verify.h"

#include <fmt/format.h>

#include <numeric>

#include "bench/kit/database.h"
#include "bench/run/bind.h"
#include "bench/run/strategy.h"
#include "tools/kit/interrupt.h"

namespace onelane::bench::run {
namespace {

using storm::Refusal;
using storm::Tally;

constexpr std::size_t kExamples = 10;

class Verifier {
 public:
  Verifier(const std::filesystem::path& database, const Workload& workload,
           const storm::StrategyResult& result)
      : database_(database, Access::read_only), workload_(workload), result_(result) {
    verdict_.lost.resize(workload.sources.size());
    units_.resize(workload.sources.size());
    for (const storm::Mark& mark : result.ledger.marks()) {
      units_[index(mark.source)].push_back(mark.number);
    }
  }

  storm::Verdict run() {
    if (result_.journal) check_journal();
    for (std::size_t source = 0; source < workload_.sources.size(); ++source) {
      check_accounts(source);
      const std::vector<RowSpec>& rows = workload_.sources[source].rows;
      for (std::size_t spec = 0; spec < rows.size(); ++spec) {
        if (!rows[spec].found.empty()) check_found(source, spec);
        if (!rows[spec].total.empty()) check_total(source, rows[spec]);
      }
    }
    const std::string answer = database_.single_text("PRAGMA integrity_check(1)");
    if (answer != "ok") fault(fmt::format("integrity_check: {}", answer));
    return std::move(verdict_);
  }

 private:
  void fault(const std::string& text) {
    ++verdict_.faults;
    example(text);
  }
  void example(const std::string& text) {
    if (verdict_.examples.size() < kExamples) verdict_.examples.push_back(text);
  }

  const Tally& tally(std::size_t source) const { return result_.ledger.of(source_of(source)); }
  const std::string& name(std::size_t source) const { return workload_.sources[source].name; }

  void check_accounts(std::size_t source) {
    const Tally& own = tally(source);
    const std::uint64_t ends =
        std::accumulate(own.refused.begin(), own.refused.end(), own.acknowledged);
    if (ends != own.offered) {
      fault(fmt::format("{}: {} were offered, and {} ended", name(source), own.offered, ends));
    }
  }

  void check_journal() {
    for (const ClassStats& stats : result_.journal->classes) {
      const std::uint64_t ends =
          std::accumulate(stats.ends.begin(), stats.ends.end(), std::uint64_t{0});
      if (stats.accepted != ends || stats.in_flight != 0) {
        fault(fmt::format("{}: the journal accepted {}, of which {} ended and {} are in flight",
                          stats.name, stats.accepted, ends, stats.in_flight));
      }
      if (stats.applied_position != stats.journaled_position || stats.dead_letters != 0) {
        fault(fmt::format("{}: journaled up to {}, applied up to {}, {} dead letters", stats.name,
                          stats.journaled_position, stats.applied_position, stats.dead_letters));
      }
    }
  }

  // How many units that were pushed may have come to nothing since, as their class may do.
  std::uint64_t fallen(std::size_t source) const {
    const SourceSpec& spec = workload_.sources[source];
    if (spec.call != Call::push || !result_.journal) return 0;
    const ClassStats& stats = result_.journal->classes[spec.write_class];
    const std::uint64_t ends =
        std::accumulate(stats.ends.begin(), stats.ends.end(), std::uint64_t{0});
    return ends - stats.end(End::committed);
  }

  void lose(std::size_t source, std::uint64_t rows, std::uint64_t allowed,
            const std::string& what) {
    if (rows <= allowed) return;
    verdict_.lost[source] += rows - allowed;
    example(fmt::format("{}: {} rows acknowledged, and not found: {}", name(source), rows - allowed,
                        what));
  }

  void check_found(std::size_t source, std::size_t spec) {
    const RowSpec& row = workload_.sources[source].rows[spec];
    Query query = database_.prepare(row.found);
    Cells cells;
    std::uint64_t missing = 0;
    std::string example;
    for (const std::uint64_t unit : units_[source]) {
      if (interrupted()) return;
      for (std::uint64_t i = 0; i < row.count; ++i) {
        const std::uint64_t number = unit * row.count + i;
        fill(cells, workload_, {source, spec, number});
        bind_cells(query, cells);
        if (!query.next() && missing++ == 0) example = fmt::format("number {}", number);
        query.reset();
      }
    }
    lose(source, missing, fallen(source) * row.count, fmt::format("{}, {}", row.found, example));
  }

  void check_total(std::size_t source, const RowSpec& row) {
    Query query = database_.prepare(row.total);
    const std::int64_t answer = query.next() ? query.integer(0) : 0;
    const auto total = static_cast<std::uint64_t>(std::max<std::int64_t>(0, answer));
    const std::uint64_t acknowledged = units_[source].size() * row.count;
    if (total < acknowledged) {
      return lose(source, acknowledged - total, fallen(source) * row.count,
                  fmt::format("{} is {} of {}", row.total, total, acknowledged));
    }
    // What failed, or timed out, may have been committed all the same.
    const Tally& own = tally(source);
    const std::uint64_t unknown = own.count(Refusal::busy) + own.count(Refusal::failed);
    if (total > acknowledged + unknown * row.count) {
      fault(fmt::format("{}: {} is {}, and {} were acknowledged", name(source), row.total, total,
                        acknowledged));
    }
  }

  Connection database_;
  const Workload& workload_;
  const storm::StrategyResult& result_;
  std::vector<std::vector<std::uint64_t>> units_;  // that were acknowledged, by source
  storm::Verdict verdict_;
};

}  // namespace

storm::Verdict verify(const std::filesystem::path& database, const Workload& workload,
                      const storm::StrategyResult& result) {
  return Verifier(database, workload, result).run();
}

}  // namespace onelane::bench::run
