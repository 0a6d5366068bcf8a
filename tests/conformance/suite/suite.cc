#include <array>
#include <exception>
#include <map>
#include <ostream>
#include <utility>

#include "onelane/conformance.h"
#include "tests/conformance/suite/bench.h"

namespace onelane::inline v0::testing {

using conformance::Bench;
using conformance::Cases;

std::string_view name(Ability ability) noexcept {
  constexpr std::array<std::string_view, kAbilityCount> kNames{
      "savepoints", "jobs",     "migrations", "watermark", "positions", "durability", "reopening",
      "preparing",  "updates",  "changes",    "rowids",    "returning", "outages",    "pipelining",
      "unique",     "not_null", "check",      "type",      "deferred"};
  return kNames[static_cast<std::size_t>(ability)];
}

namespace conformance {

namespace {

// What an exception says, but for std::bad_alloc, which goes on.
std::string thrown() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    return std::string("thrown: ") + error.what();
  } catch (...) {
    return "thrown: what is no std::exception";
  }
}

Verdict verdict_of(const SinkUnderTest& sink, const std::function<void(Bench&)>& body) {
  std::string faults;
  try {
    Bench bench(sink);
    try {
      body(bench);
    } catch (const Stopped&) {
    } catch (const Skipped& skipped) {
      if (bench.faults().empty()) return {Verdict::Kind::skipped, skipped.reason};
    } catch (...) {
      bench.expect(false, thrown());
    }
    faults = bench.faults();
  } catch (...) {
    faults = thrown();
  }
  return {faults.empty() ? Verdict::Kind::passed : Verdict::Kind::failed, std::move(faults)};
}

}  // namespace

void add_case(Cases& cases, std::string group, std::string name, void (*body)(Bench&)) {
  cases.push_back({std::move(group), std::move(name),
                   [body](const SinkUnderTest& sink) { return verdict_of(sink, body); }});
}

}  // namespace conformance

const std::vector<ConformanceCase>& conformance_cases() {
  static const Cases kCases = [] {
    Cases cases;
    conformance::add_sink_cases(cases);
    conformance::add_part_cases(cases);
    conformance::add_lane_cases(cases);
    conformance::add_isolation_cases(cases);
    conformance::add_job_cases(cases);
    conformance::add_outcome_cases(cases);
    conformance::add_intake_cases(cases);
    cases.push_back({"Histories", "RandomOnesKeepEveryPromise", [](const SinkUnderTest& sink) {
                       constexpr std::uint64_t kSeeds = 12;
                       Verdict verdict;
                       for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
                         verdict = run_random_history(sink, seed);
                         if (verdict.kind != Verdict::Kind::passed) break;
                       }
                       return verdict;
                     }});
    return cases;
  }();
  return kCases;
}

Verdict run_case(const ConformanceCase& conformance_case, const SinkUnderTest& sink) {
  return conformance_case.run(sink);
}

Verdict run_random_history(const SinkUnderTest& sink, std::uint64_t seed) {
  return conformance::verdict_of(
      sink, [seed](Bench& bench) { conformance::random_history(bench, seed); });
}

std::string table_of_skips(const std::vector<Skip>& skips) {
  std::map<std::pair<std::string, std::string>, std::size_t> counts;
  for (const Skip& each : skips) ++counts[{each.sink, each.reason}];
  std::string out;
  for (const auto& [what, count] : counts) {
    const std::string cases = std::to_string(count) + (count == 1 ? " case" : " cases");
    out += "  " + what.first + ", " + cases + ": " + what.second + "\n";
  }
  return out.empty() ? out : "Skipped:\n" + out;
}

std::size_t run_conformance(const SinkUnderTest& sink, std::ostream& out) {
  std::size_t failed = 0;
  std::vector<Skip> skips;
  for (const ConformanceCase& each : conformance_cases()) {
    const Verdict verdict = run_case(each, sink);
    if (verdict.kind == Verdict::Kind::skipped) skips.push_back({sink.name, verdict.text});
    if (verdict.kind != Verdict::Kind::failed) continue;
    ++failed;
    out << sink.name << ": " << each.group << "." << each.name << " failed\n"
        << verdict.text << "\n";
  }
  const std::size_t count = conformance_cases().size();
  out << sink.name << ": " << count - failed - skips.size() << " of " << count << " cases passed, "
      << failed << " failed, " << skips.size() << " skipped\n"
      << table_of_skips(skips);
  return failed;
}

}  // namespace onelane::inline v0::testing
