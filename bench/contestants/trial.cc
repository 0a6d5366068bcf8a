#include "bench/contestants/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/contestants/intake_figures.h"
#include "bench/kit/errors.h"
#include "bench/kit/group_sync.h"

namespace onelane::bench {
namespace {

constexpr std::string_view kCeiling = "ceiling";
constexpr std::string_view kOnelane = "onelane";
constexpr std::string_view kJournaled = "journaled";
constexpr std::string_view kPgPipeline = "pg_pipeline";
constexpr std::string_view kPgOnelane = "pg_onelane";

// Whose transactions a contestant's have the size of.
std::string_view paced_by(std::string_view contestant) {
  if (contestant == kCeiling) return kOnelane;
  return contestant == kPgPipeline ? kPgOnelane : "";
}

// What the contestants of one case share.
class Arena {
 public:
  Arena(const Field& field, const Workload& workload, std::filesystem::path directory)
      : wal_limit_bytes_(*field.wal_limit_bytes),
        gather_(field.gather),
        postgres_(field.postgres),
        added_round_trip_(field.added_round_trip),
        workload_(workload),
        directory_(std::move(directory)) {}

  Figures run(std::string_view contestant) {
    const std::string_view pace = paced_by(contestant);
    if (!pace.empty() && !rows_per_commit_.contains(pace)) run(pace);
    StoreOptions options{.path = fresh_path(contestant),
                         .synchronous = workload_.synchronous,
                         .acknowledgement = workload_.acknowledgement,
                         .value_bytes = workload_.rows->value_bytes(),
                         .wal_limit_bytes = wal_limit_bytes_,
                         .gather = gather_,
                         .postgres = postgres_,
                         .added_round_trip = added_round_trip_};
    Load load = workload_.load;
    if (!pace.empty()) {
      options.rows_per_commit = rows_per_commit_.find(pace)->second;
      load.threads = 1;
    }
    Figures figures = run(contestant, options, load);
    std::filesystem::remove_all(directory_);
    if (contestant == kOnelane || contestant == kPgOnelane) {
      rows_per_commit_.insert_or_assign(
          std::string(contestant),
          std::max<std::uint64_t>(
              1, static_cast<std::uint64_t>(std::lround(figures.at("rows_per_commit")))));
    }
    if (!pace.empty()) figures["p50_us"] = figures["p99_us"] = kNoFigure;  // its writes do not wait
    return figures;
  }

 private:
  std::filesystem::path fresh_path(std::string_view contestant) const {
    std::filesystem::create_directory(directory_);
    return directory_ / contestant;
  }

  Figures run(std::string_view contestant, const StoreOptions& options, const Load& load) {
    try {
      Samples group_syncs;
      if (contestant == kJournaled) group_syncs = measure_group_syncs(directory_, group_bytes_);
      std::unique_ptr<Store> store = make_store(contestant, options);
      Contents contents;
      if (workload_.warm_up && !on_postgres(contestant)) {
        (void)run_load(*store, *workload_.rows, *workload_.warm_up, contents);
      }
      if (workload_.before) (void)run_load(*store, *workload_.rows, *workload_.before, contents);
      const std::uint64_t commits_before = store->commits();
      const std::optional<IntakeUse> intake_before = store->intake();
      const ProcessorUse processors;
      LoadResult result = run_load(*store, *workload_.rows, load, contents);
      const double cpu_share = processors.share(result.elapsed);
      const double commits = static_cast<double>(store->commits() - commits_before);
      const std::optional<IntakeUse> intake = store->intake();
      verify_contents(*store, *workload_.rows, contents);
      const double rows = static_cast<double>(result.rows);
      Figures figures{{"per_s", rows / to_seconds(result.elapsed)},
                      {"rows_per_commit", commits == 0 ? kNoFigure : rows / commits},
                      {"p50_us", result.times.percentile_us(0.50)},
                      {"p99_us", result.times.percentile_us(0.99)},
                      {"cpu_share", cpu_share}};
      figures.merge(intake ? of_intake({.used = *intake - *intake_before,
                                        .rows = result.rows,
                                        .row_bytes = kKeyBytes + options.value_bytes,
                                        .callers = load.threads,
                                        .elapsed = result.elapsed,
                                        .drained = result.drained,
                                        .cpu_share = cpu_share},
                                       group_syncs)
                           : no_intake_figures());
      return figures;
    } catch (const RunError& error) {
      throw RunError(fmt::format("{}: {}", contestant, error.what()));
    }
  }

  // The store is closed by now, so that nothing else uses the disk. What it needs was measured
  // before the store was opened, too: a drift of the disk is in both.
  Figures of_intake(IntakeRun run, Samples& group_syncs) {
    group_bytes_ = run.used.written_bytes / std::max<std::uint64_t>(1, run.used.groups);
    group_syncs.merge(measure_group_syncs(directory_, group_bytes_));
    run.sync_us = group_syncs.percentile_us(0.50);
    return intake_figures(run);
  }

  std::uint64_t wal_limit_bytes_;
  Nanoseconds gather_;
  std::string postgres_;
  Nanoseconds added_round_trip_;
  Workload workload_;
  std::filesystem::path directory_;                                    // of one store at a time
  std::map<std::string, std::uint64_t, std::less<>> rows_per_commit_;  // in their newest runs
  std::uint64_t group_bytes_ = 0;  // of the newest run with an intake
};

bool takes_part(const Field& field, std::string_view contestant) {
  const std::vector<std::string>& all = field.contestants;
  return std::find(all.begin(), all.end(), contestant) != all.end();
}

bool is_contestant(const std::string& name) {
  const std::vector<std::string>& known = contestant_names();
  return std::find(known.begin(), known.end(), name) != known.end();
}

// "onelane,mutex; with --postgres: pg_onelane".
std::string usual_text(const Field& field) {
  std::string texts[2];
  for (const std::string& name : field.usual) {
    std::string& text = texts[on_postgres(name) ? 1 : 0];
    text += (text.empty() ? "" : ",") + name;
  }
  return texts[1].empty() ? texts[0] : texts[0] + "; with --postgres: " + texts[1];
}

std::string known_names() { return fmt::format("{}", fmt::join(contestant_names(), ", ")); }

}  // namespace

void add_field_flags(FlagSet& flags, Field& field, std::string_view usual) {
  for (const std::string& name : split_list(usual)) {
    if (is_contestant(name)) field.usual.push_back(name);
  }
  flags.add({"contestants", "LIST", "",
             fmt::format("who takes part, of {} ({})", known_names(), usual_text(field)),
             [&field](std::string_view text) {
               field.contestants = split_list(text);
               for (const std::string& name : field.contestants) {
                 if (is_contestant(name)) continue;
                 throw UsageError(fmt::format("'{}' is none of {}", name, known_names()));
               }
             }});
  flags.add({"wal-limit", "SIZE", "",
             "how large SQLite's log becomes before it is copied back, for all on SQLite (64MiB)",
             into(field.wal_limit_bytes, parse_size)});
  flags.add({"subject", "NAME", "",
             "who is compared with each of the others; of --contestants (onelane; on PostgreSQL "
             "pg_onelane)",
             [&field](std::string_view text) { field.subject = text; }});
  flags.add({"gather", "TIME", "1s", "how long a tick of journaled waits for more rows",
             into(field.gather, parse_duration)});
  add_server_flags(flags,
                   "those whose names begin with pg_ write to a schema that they make and drop",
                   {field.postgres, field.added_round_trip});
}

bool knows_servers() { return is_contestant(std::string(kPgOnelane)); }

void add_server_flags(FlagSet& flags, std::string_view who, const ServerFlags& set) {
  if (!knows_servers()) return;
  flags.add({"postgres", "CONNINFO", "",
             fmt::format("libpq's words for a database on a PostgreSQL server, where {}", who),
             [&postgres = set.postgres](std::string_view text) {
               if (text.empty()) throw UsageError("a conninfo is needed, such as dbname=bench");
               postgres = text;
             }});
  flags.add({"added-round-trip", "TIME", "0ms",
             "how much longer a round trip to that server takes, as over a network",
             into(set.added_round_trip, parse_duration)});
}

void complete(Field& field, const QuestionOptions& options) {
  const bool postgres = !field.postgres.empty();
  if (field.contestants.empty()) {
    std::ranges::copy_if(field.usual, std::back_inserter(field.contestants),
                         [postgres](const auto& name) { return on_postgres(name) == postgres; });
  }
  const bool any = std::ranges::any_of(field.contestants, on_postgres);
  if (any && !postgres) {
    throw UsageError("--contestants: those that begin with pg_ need --postgres");
  }
  if (field.added_round_trip > Nanoseconds(0) && !any) {
    throw UsageError("--added-round-trip: no contestant has a round trip without --postgres");
  }
  if (field.subject.empty()) {
    field.subject = postgres ? kPgOnelane : kOnelane;
  } else if (!takes_part(field, field.subject)) {
    throw UsageError(fmt::format("--subject: '{}' is not among the --contestants: {}",
                                 field.subject, fmt::join(field.contestants, ", ")));
  }
  field.wal_limit_bytes = chosen(field.wal_limit_bytes, options, kMiB, 64 * kMiB);
}

void add_intake_figures(const Field& field, Case& one) {
  if (!takes_part(field, kJournaled)) return;
  one.figures.emplace_back("cpu_share");
  const std::vector<std::string>& more = intake_figure_names();
  one.figures.insert(one.figures.end(), more.begin(), more.end());
}

nlohmann::json server_of(const Field& field, Synchronous synchronous) {
  return server_of(StoreOptions{.synchronous = synchronous,
                                .postgres = field.postgres,
                                .added_round_trip = field.added_round_trip});
}

Workload warmed_up(Workload workload, const Field& field) {
  workload.warm_up = warm_up(workload.rows->value_bytes(), *field.wal_limit_bytes);
  workload.load.first = workload.warm_up->rows;
  return workload;
}

Case make_case(std::string name, const Field& field, const Workload& workload,
               const std::filesystem::path& directory) {
  auto arena = std::make_shared<Arena>(field, workload, directory / name);
  Case one{.name = std::move(name), .figures = {"per_s"}, .contestants = {}};
  if (workload.load.timed) one.figures.insert(one.figures.end(), {"p50_us", "p99_us"});
  one.figures.emplace_back("rows_per_commit");
  add_intake_figures(field, one);
  for (const std::string& contestant : field.contestants) {
    one.contestants.push_back({contestant, [arena, contestant] { return arena->run(contestant); }});
  }
  return one;
}

std::vector<std::uint64_t> parse_thread_counts(std::string_view text) {
  constexpr std::uint64_t kMost = 4096;
  std::vector<std::uint64_t> counts;
  for (const std::string& part : split_list(text)) {
    counts.push_back(parse_count(part));
    if (counts.back() >= 1 && counts.back() <= kMost) continue;
    throw UsageError(fmt::format("'{}' is not between 1 and {}", part, kMost));
  }
  return counts;
}

}  // namespace onelane::bench
