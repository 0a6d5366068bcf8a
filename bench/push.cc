#include "bench/push.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "bench/contestants/sqlite.h"
#include "bench/contestants/trial.h"
#include "bench/kit/allocations.h"
#include "bench/kit/errors.h"
#include "bench/kit/question.h"
#include "bench/kit/units.h"
#include "bench/push/probe.h"
#include "bench/push/runs.h"
#include "onelane/options.h"

namespace onelane::bench {
namespace {

using namespace onelane::bench::push;

// Long enough for producers to meet, short enough for memory.
constexpr std::uint64_t kBurstRows = 65'536;
constexpr std::uint64_t kBurstBytes = 64 * kMiB;
constexpr std::uint64_t kSmokeBurstRows = 4'096;

push::Load load_of(std::uint64_t producers, std::uint64_t row_bytes,
                   const QuestionOptions& options) {
  const std::uint64_t rows = options.size == Size::smoke ? kSmokeBurstRows : kBurstRows;
  return {.producers = producers,
          .row_bytes = row_bytes,
          .burst = std::min(rows, kBurstBytes / row_bytes),
          .bursts = options.size == Size::smoke ? std::uint64_t{1} : std::uint64_t{2}};
}

Case case_of(const push::Load& load, const std::filesystem::path& directory) {
  const auto database = directory / "push.db";
  return {.name = fmt::format("p{}_{}", load.producers, load.row_bytes),
          .figures = {"p50_ns", "p99_ns", "p999_ns", "p9999_ns", "allocations"},
          .contestants = {{"queue_row", [load] { return run_queue(load, Element::row); }},
                          {"queue_entry", [load] { return run_queue(load, Element::entry); }},
                          {"onelane", [load, database] { return run_journal(load, database); }}}};
}

constexpr const char* kUsage =
    "usage: onelane-bench push [flags]\n\n"
    "What a push costs its thread, and how often it allocates, against a bare enqueue, by value, "
    "of\n"
    "the same row and of an element as large as the journal's entry: alone, with 8 and with 64\n"
    "producers. Bursts that the journal has room for are\n"
    "pushed while its thread commits them to SQLite; then producers wait until all is committed.\n"
    "p50 is of batches of 16, the other percentiles are of single pushes, less what reading the\n"
    "clock costs (clock_ns).\n";

}  // namespace

int push_main(const std::vector<std::string>& arguments) {
  QuestionOptions options;
  FlagSet flags(kUsage);
  std::vector<std::uint64_t> producer_counts;
  flags.group("Workload");
  flags.add({"producers", "LIST", "1,8,64", "how many threads push, a case each",
             into(producer_counts, parse_thread_counts)});
  add_question_flags(flags, options);
  if (!flags.parse(arguments, std::cout)) return kExitOk;

  Scratch scratch(options.directory);
  const double clock_ns = clock_cost_ns();
  std::vector<Case> cases;
  for (std::uint64_t producers : producer_counts) {
    for (std::uint64_t row_bytes : kRowBytes) {
      push::Load load = load_of(producers, row_bytes, options);
      load.clock_cost_ns = clock_ns;
      cases.push_back(case_of(load, scratch.path()));
    }
  }
  return answer({.name = "push",
                 .settings = {{"clock_ns", clock_ns},
                              {"batch", kBatch},
                              {"burst_rows", load_of(1, 1, options).burst},
                              {"burst_bytes_max", kBurstBytes},
                              {"allocations_counted", counts_allocations()}},
                 .pragmas = pragmas_of({.path = scratch.path() / "pragmas",
                                        .wal_limit_bytes = JournalOptions{}.wal_limit_bytes}),
                 .cases = std::move(cases)},
                options, scratch);
}

}  // namespace onelane::bench
