#include "tools/workload/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "onelane/option_text.h"
#include "tools/kit/printable.h"
#include "tools/kit/units.h"

namespace onelane::tools {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The format's limits, as far as a trace can go beyond them.
constexpr double kPerSecondMax = 1e6;
constexpr std::uint64_t kThreadsMax = 4096;
constexpr std::uint64_t kRowsMax = 10'000;  // of a unit, and units of a job
constexpr std::uint64_t kValueBytesMax = 16 * kMiB;
constexpr std::uint64_t kUnitBytesMax = 256 * kMiB;
constexpr std::uint64_t kStepBytesMax = 1024 * kMiB;
constexpr Duration kPauseMax = seconds(60);
constexpr Duration kTimeMax = seconds(3600);
constexpr std::size_t kNameBytesMax = 100;

constexpr std::uint64_t kPoolThreads = 64;  // where the recorded program had fewer
// Gaps that vary less than this part of their mean are even; those of random arrivals vary by all
// of it.
constexpr double kEvenBelow = 0.5;
constexpr double kBurstsAbove = 2;

// Of a row with a key and an empty blob, see Row::bytes().
constexpr double kRowBytes = 1 + 9 + 5;

std::uint64_t whole(double value, std::uint64_t least, std::uint64_t most) {
  return std::clamp(static_cast<std::uint64_t>(std::round(std::clamp(value, 0.0, 1e18))), least,
                    most);
}

// Four digits: more would be exact about chance.
double rounded(double value) { return std::stod(fmt::format("{:.4g}", value)); }

// The format's sizes of a value are all alike between two bounds: those with the recorded mean and
// deviation, as far as nothing recorded was smaller or larger.
Json sizes(const Moments& bytes, double without, std::uint64_t most) {
  const double half = std::min({std::sqrt(3.0) * bytes.deviation(), bytes.mean() - bytes.least(),
                                bytes.most() - bytes.mean()});
  const std::uint64_t from = whole(bytes.mean() - half - without, 0, most);
  const std::uint64_t to = whole(bytes.mean() + half - without, from, most);
  if (from == to) return from;
  return {from, to};
}

class Text {
 public:
  Text(const Trace& trace, const RecordedLoad& load, std::string_view file)
      : trace_(trace), load_(load), file_(kit::printable(file)) {}

  std::string run() {
    name_sources();
    share_threads();
    Json sources = Json::array(), schema = Json::array();
    for (std::size_t i = 0; i < load_.sources.size(); ++i) {
      schema.push_back(
          fmt::format("CREATE TABLE {}(id INTEGER PRIMARY KEY, writes INTEGER NOT NULL, "
                      "data BLOB NOT NULL)",
                      table(i)));
      sources.push_back(source(i));
    }
    Json classes = Json::array();
    for (const ClassOptions& each : trace_.budgets.classes) classes.push_back(to_text(each));
    const Duration time = std::min(kTimeMax, load_.span);
    const bool nameable = !file_.empty() && file_.size() <= kNameBytesMax;
    const Json workload = {
        {"workload", 1},
        {"name", nameable ? file_ : "a recorded run"},
        {"time", duration_text(std::chrono::floor<milliseconds>(time))},
        {"callers", pool_},
        {"schema", std::move(schema)},
        {"journal", journal()},
        {"classes", std::move(classes)},
        {"sources", std::move(sources)},
    };
    return comments() + workload.dump(2) + "\n";
  }

 private:
  // A class's name, with a number where the class has several sources.
  void name_sources() {
    std::set<std::string> taken;
    std::vector<std::size_t> of_class(trace_.budgets.classes.size());
    for (const ClassOptions& each : trace_.budgets.classes) taken.insert(each.name);
    for (const RecordedSource& each : load_.sources) ++of_class[each.write_class];
    for (const RecordedSource& each : load_.sources) {
      const std::string& own = trace_.budgets.classes[each.write_class].name;
      std::string name = own;
      if (of_class[each.write_class] > 1) {
        for (int i = 1; !taken.insert(name).second; ++i) name = fmt::format("{}_{}", own, i);
      }
      names_.push_back(std::move(name));
    }
  }

  // The format's threads, half of them for the open sources, the others for each closed one alike.
  void share_threads() {
    std::uint64_t closed = 0, most = kPoolThreads;
    for (const RecordedSource& each : load_.sources) {
      closed += each.closed ? 1 : 0;
      if (!each.closed) most = std::max(most, each.callers);
    }
    pool_ = std::min(most, kThreadsMax / 2);
    closed_threads_max_ = kThreadsMax / 2 / std::max<std::uint64_t>(1, closed);
  }

  std::string table(std::size_t source) const { return fmt::format("\"data_{}\"", names_[source]); }

  // What of the journal's options a trace has.
  std::string journal() const {
    JournalOptions options{.tick = trace_.budgets.tick,
                           .commit_percent = trace_.budgets.commit_percent};
    std::string text;
    for (const OptionField& field : journal_fields()) {
      const bool percent = field.name == "commit-percent" && trace_.drive == Drive::thread;
      if (!percent && !field.name.starts_with("tick.")) continue;
      text += fmt::format("{}{}={}", text.empty() ? "" : ",", field.name,
                          option_value(options, field.name));
    }
    return text;
  }

  Json source(std::size_t number) const {
    const RecordedSource& of = load_.sources[number];
    Json out = {{"name", names_[number]}, {"class", trace_.budgets.classes[of.write_class].name}};
    if (of.kind != UnitKind::job) out["call"] = call(of);
    const std::uint64_t count = rows(of);
    if (of.closed) {
      out["closed"] = closed(of);
    } else {
      // Rows come as often as they did, whatever the count was rounded from.
      const double calls = static_cast<double>(of.records) / static_cast<double>(count);
      out["open"] = open(of, calls / kit::to_seconds(load_.span));
    }
    if (of.kind == UnitKind::job) out["job"] = job(of);
    out["rows"] = Json::array({row(number, count)});
    return out;
  }

  static std::string_view call(const RecordedSource& of) {
    if (of.caller_waits) return "write";
    return of.journaled ? "journal" : "submit";
  }

  static std::uint64_t rows(const RecordedSource& of) {
    if (of.kind != UnitKind::group) return 1;
    return whole(static_cast<double>(of.records) / static_cast<double>(of.units), 1, kRowsMax);
  }

  static std::uint64_t units_of_job(const RecordedSource& of) {
    return whole(of.steps.mean(), 1, kRowsMax);
  }

  static Json open(const RecordedSource& of, double per_second) {
    Json out = {{"per-second", std::clamp(rounded(per_second), kPerSecondMin, kPerSecondMax)}};
    const bool even =
        of.gap_ns.weight() > 1 && of.gap_ns.deviation() < kEvenBelow * of.gap_ns.mean();
    if (even) out["spacing"] = "even";
    return out;
  }

  Json closed(const RecordedSource& of) const {
    Json out = {{"callers", std::min(of.callers, closed_threads_max_)}};
    // The format has a pause before each unit of a job.
    const double units = of.kind == UnitKind::job ? static_cast<double>(units_of_job(of)) : 1;
    const Duration pause(static_cast<Duration::rep>(of.pause_ns.mean() / units));
    const Duration shown = std::chrono::round<microseconds>(std::min(pause, kPauseMax));
    if (shown != Duration(0)) out["pause"] = duration_text(shown);
    return out;
  }

  static Json job(const RecordedSource& of) {
    Json out = {{"units", units_of_job(of)}};
    if (const std::uint64_t bytes = whole(of.bytes.mean(), 0, kStepBytesMax); bytes != 0) {
      out["bytes-per-step"] = bytes;
    }
    return out;
  }

  Json row(std::size_t number, std::uint64_t count) const {
    const RecordedSource& of = load_.sources[number];
    const bool is_job = of.kind == UnitKind::job;
    const std::uint64_t most = std::min(kValueBytesMax, kUnitBytesMax / count);
    Json key = {{"type", "integer"}};
    if (of.keys != 0) {
      key["key"] = "random";
      key["of"] = of.keys;
    }
    const std::string own = table(number);
    Json out = {{"sql", fmt::format("INSERT INTO {}(id, writes, data) VALUES(?1, 1, ?2) "
                                    "ON CONFLICT DO UPDATE SET writes = writes + 1, "
                                    "data = excluded.data",
                                    own)}};
    if (count != 1) out["count"] = count;
    if (of.keys != 0) out["coalesce"] = {0};
    out["columns"] =
        Json::array({std::move(key),
                     {{"type", "blob"}, {"bytes", sizes(of.bytes, is_job ? 0 : kRowBytes, most)}}});
    out["found"] = fmt::format("SELECT 1 FROM {} WHERE id = ?1", own);
    out["total"] = fmt::format("SELECT coalesce(sum(writes), 0) FROM {}", own);
    return out;
  }

  std::string comments() const {
    std::uint64_t units = 0;
    bool jobs = false;
    for (const RecordedSource& each : load_.sources) {
      units += each.units;
      jobs = jobs || each.kind == UnitKind::job;
    }
    std::string out = comment(fmt::format(
        "What {} recorded, for onelane-bench run: {} units in {:.1f} s. Written by onelane "
        "workload.",
        file_, kit::format_count(units), kit::to_seconds(load_.span)));
    out += comment(
        "A trace has sizes, times and call sites, and no row. So each source has a table of its "
        "own here, and its records are upserts of a key and a blob, with the recorded mean and "
        "spread of sizes. A key comes again only where the recorded units superseded others. Put "
        "your own SQL in their place for times that are yours.");
    if (jobs) {
      out += comment(
          "What a job's steps wrote is not in a trace either: here it is a row for each, of the "
          "step's bytes as the job had announced them.");
    }
    out += "//\n// Sources:\n";
    for (std::size_t i = 0; i < load_.sources.size(); ++i) out += item(description(i));
    out += "//\n// Not here:\n";
    out += item(
        "Pushes that were refused, and options that are no budget, such as synchronous: a "
        "trace does not have them.");
    for (const std::string& each : load_.left_out) out += item(kit::printable(each));
    if (load_.span > kTimeMax) out += item("What is beyond an hour, as \"time\" says.");
    return out;
  }

  std::string description(std::size_t number) const {
    const RecordedSource& of = load_.sources[number];
    static constexpr const char* kKinds[] = {"records", "groups", "jobs"};
    std::string out = fmt::format(
        "{}: {}{}, {} in all", names_[number], kKinds[static_cast<std::size_t>(of.kind)],
        of.caller_waits ? " by threads that wait for each" : "", kit::format_count(of.units));
    if (!of.site.empty()) out += fmt::format(", from {}", kit::printable(of.site));
    if (of.closed) {
      out += "; closed: its threads went on whenever the lane let them";
      if (of.callers > closed_threads_max_) out += fmt::format(", and were {}", of.callers);
    } else if (of.gap_ns.deviation() > kBurstsAbove * of.gap_ns.mean()) {
      out += "; they came in bursts, which are spread out here";
    }
    if (of.keys != 0) out += "; how many keys there are is a guess, from what was superseded";
    return out + ".";
  }

  static std::string comment(std::string_view text) {
    return "// " + commented(kit::wrapped(text, {.columns = 97}), "// ");
  }
  static std::string item(std::string_view text) {
    return "//   " + commented(kit::wrapped(text, {.columns = 93}), "//     ");
  }
  static std::string commented(std::string_view text, std::string_view before) {
    std::string out;
    for (const char c : text) {
      out += c;
      if (c == '\n') out += before;
    }
    return out + "\n";
  }

  const Trace& trace_;
  const RecordedLoad& load_;
  const std::string file_;
  std::vector<std::string> names_;  // of the sources
  std::uint64_t pool_ = 0;          // threads that serve the open sources
  std::uint64_t closed_threads_max_ = 0;
};

}  // namespace

std::string workload_text(const Trace& trace, const RecordedLoad& load, std::string_view file) {
  return Text(trace, load, file).run();
}

}  // namespace onelane::tools
