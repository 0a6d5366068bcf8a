#include "bench/overhead.h"

#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "bench/contestants/sqlite.h"
#include "bench/kit/child.h"
#include "bench/kit/errors.h"
#include "bench/kit/labelled.h"
#include "bench/kit/question.h"
#include "bench/kit/units.h"
#include "bench/overhead/journey.h"

namespace onelane::bench {
namespace {

using namespace onelane::bench::overhead;

struct Sizes {
  std::uint64_t database_rows = 0;
  std::uint64_t rows = 0;
};

// This program under callgrind, which runs one leg, and prints how often it called the system to
// read or write, if that can be told. As arguments: "leg JOURNEY FIRST ROWS FILE".
constexpr std::string_view kLeg = "leg";

int run_leg(const std::vector<std::string>& arguments) {
  constexpr std::size_t kArguments = 5;
  if (arguments.size() != kArguments) throw UsageError("overhead leg is for overhead's own use");
  const auto calls = travel(journey_named(arguments[1]), {.database = arguments[4],
                                                          .first = parse_count(arguments[2]),
                                                          .rows = parse_count(arguments[3])});
  if (calls) fmt::print("{}", *calls);
  return kExitOk;
}

struct Counts {
  double instructions = 0;
  double reads_and_writes = 0;  // not-a-number where it cannot be told
};

class Counter {
 public:
  Counter(std::filesystem::path valgrind, std::filesystem::path directory, Sizes sizes)
      : valgrind_(std::move(valgrind)), directory_(std::move(directory)), sizes_(sizes) {}

  // Twice the rows less once the rows, so that what is paid once cancels out.
  Counts per_row(Journey journey) {
    const Counts once = count(journey, sizes_.rows);
    const Counts twice = count(journey, 2 * sizes_.rows);
    const auto rows = static_cast<double>(sizes_.rows);
    return {.instructions = (twice.instructions - once.instructions) / rows,
            .reads_and_writes = (twice.reads_and_writes - once.reads_and_writes) / rows};
  }

 private:
  Counts count(Journey journey, std::uint64_t rows) {
    namespace fs = std::filesystem;
    fs::path original = directory_ / "original.db";
    fs::path database = directory_ / "leg.db";
    fs::path output = directory_ / "callgrind.out";
    if (!fs::exists(original)) lay_out(original, sizes_.database_rows);
    fs::copy_file(original, database, fs::copy_options::overwrite_existing);
    const std::string calls =
        run_child({valgrind_, "--tool=callgrind", "-q", "--collect-atstart=no",
                   fmt::format("--toggle-collect={}", kCountedFunctions),
                   fmt::format("--callgrind-out-file={}", output.string()), own_program(),
                   "overhead", std::string(kLeg), std::string(name(journey)),
                   std::to_string(sizes_.database_rows), std::to_string(rows), database});
    return {.instructions = static_cast<double>(required_number(output, "totals: ")),
            .reads_and_writes = calls.empty() ? kNoFigure : parse_number(calls)};
  }

  std::filesystem::path valgrind_;
  std::filesystem::path directory_;
  Sizes sizes_;
};

Case count_case(Counter& counter) {
  Case journeys{.name = "row", .figures = {"instructions", "reads_and_writes"}, .contestants = {}};
  for (Journey journey : {Journey::bare, Journey::pushed, Journey::onelane}) {
    journeys.contestants.push_back({std::string(name(journey)), [&counter, journey] {
                                      const Counts row = counter.per_row(journey);
                                      return Figures{{"instructions", row.instructions},
                                                     {"reads_and_writes", row.reads_and_writes}};
                                    }});
  }
  return journeys;
}

std::uint64_t parse_rows(std::string_view text) {
  std::uint64_t rows = parse_count(text);
  if (rows != 0 && rows % kRowsPerTransaction == 0) return rows;
  throw UsageError(fmt::format("'{}' is no multiple of {}", text, kRowsPerTransaction));
}

constexpr const char* kUsage =
    "usage: onelane-bench overhead [flags]\n\n"
    "Counts the instructions of a row (a 16-byte key and 100 bytes, new) in transactions of 200:\n"
    "the bare loop's (bind, step, reset) and a journal's, from submit to the settled receipt; and\n"
    "how often each calls the system to read or write, whose instructions are not counted. Needs\n"
    "valgrind.\n";

}  // namespace

int overhead_main(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments[0] == kLeg) return run_leg(arguments);
  QuestionOptions options;
  std::optional<std::uint64_t> database_rows;
  std::uint64_t rows = 0;
  FlagSet flags(kUsage);
  flags.group("Workload");
  flags.add({"database-rows", "N", "", "rows that are there already (1000000; of smoke size 2000)",
             into(database_rows, parse_rows)});
  flags.add({"rows", "N", "1000", "rows that are counted, as the difference of N and 2N",
             into(rows, parse_rows)});
  add_question_flags(flags, options);
  if (!flags.parse(arguments, std::cout)) return kExitOk;
  if (options.repeats == 0) options.repeats = 1;  // a count comes out the same each time

  auto valgrind = find_program("valgrind");
  if (!valgrind) throw RunError("valgrind is not installed, and nothing else counts instructions");
  Sizes sizes{.database_rows = chosen<std::uint64_t>(database_rows, options, 2'000, 1'000'000),
              .rows = rows};
  Scratch scratch(options.directory);
  Counter counter(*valgrind, scratch.path(), sizes);
  return answer({.name = "overhead",
                 .settings = {{"database_rows", sizes.database_rows},
                              {"rows", sizes.rows},
                              {"rows_per_transaction", kRowsPerTransaction}},
                 .pragmas = pragmas_of({.path = scratch.path() / "pragmas",
                                        .wal_limit_bytes = JournalOptions{}.wal_limit_bytes}),
                 .cases = {count_case(counter)}},
                options, scratch);
}

}  // namespace onelane::bench
