// A case of trials: contestants that put the same load on a fresh store each.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/contestants/load.h"
#include "bench/contestants/store.h"
#include "bench/kit/errors.h"
#include "bench/kit/question.h"
#include "bench/kit/trials.h"
#include "tools/kit/flags.h"

namespace onelane::bench {

// The contestants that take part, and what all of them share.
struct Field {
  std::vector<std::string> usual;  // who takes part if nobody is named: of SQLite or of PostgreSQL
  std::vector<std::string> contestants;
  std::optional<std::uint64_t> wal_limit_bytes;
  std::string subject;    // whose ratios to the others are shown
  Nanoseconds gather{0};  // of journaled
  std::string postgres;   // a conninfo; empty: none
  Nanoseconds added_round_trip{0};
};

// --contestants, --wal-limit, --subject and --gather, and where it is built in --postgres and
// --added-round-trip. Without the first those of `usual` take part that are built in: with
// --postgres those on PostgreSQL, without it the others.
void add_field_flags(FlagSet& flags, Field& field, std::string_view usual);
// Whether there is libpq here.
bool knows_servers();
// --postgres and --added-round-trip, where it is; they set these.
struct ServerFlags {
  std::string& postgres;  // a conninfo
  Nanoseconds& added_round_trip;
};
// `who`: "those whose names begin with pg_ write to a schema", for the help.
void add_server_flags(FlagSet& flags, std::string_view who, const ServerFlags& set);
// What was not given gets the value of the size. Throws UsageError.
void complete(Field& field, const QuestionOptions& options);

struct Workload {
  std::shared_ptr<const Rows> rows;
  Synchronous synchronous = Synchronous::normal;
  Acknowledgement acknowledgement = Acknowledgement::waited_for;
  // What is written before the clock starts, by one thread: not to PostgreSQL, and to all.
  std::optional<Load> warm_up;
  std::optional<Load> before;
  Load load;
};

// As server_of() of store.h, for the field's server.
nlohmann::json server_of(const Field& field, Synchronous synchronous);

// A load that begins after the warm-up.
Workload warmed_up(Workload workload, const Field& field);

// Where journaled takes part: cpu_share (this process's, of all processors) and the figures of
// intake_figures.h, which others do not have.
void add_intake_figures(const Field& field, Case& one);

// Figures: per_s, rows_per_commit and, where writes are waited for, p50_us and p99_us; and those of
// add_intake_figures(). The ceiling has one thread, and transactions as large as onelane's in the
// run before; if there was none, onelane runs once more for it. So has pg_pipeline, as pg_onelane.
Case make_case(std::string name, const Field& field, const Workload& workload,
               const std::filesystem::path& directory);

// "1,4,16". Throws UsageError.
std::vector<std::uint64_t> parse_thread_counts(std::string_view text);

}  // namespace onelane::bench
