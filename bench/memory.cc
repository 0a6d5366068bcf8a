#include "bench/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "bench/contestants/sqlite.h"
#include "bench/kit/child.h"
#include "bench/kit/errors.h"
#include "bench/kit/question.h"
#include "bench/kit/units.h"
#include "bench/memory/runs.h"

namespace onelane::bench {
namespace {

using namespace onelane::bench::memory;
using nlohmann::json;

struct Kind {
  std::string_view name;
  std::vector<std::string> figures;
  Figures (*run)(const Load& load);
};

const std::array<Kind, 2>& kinds() {
  static const std::array<Kind, 2> all{
      Kind{"fill", {"of_allowance", "of_capacity", "resident_mib", "bytes_per_row"}, fill},
      Kind{"cycle", {"growth_kib", "drained_mib", "of_allowance"}, cycle}};
  return all;
}

const Kind& kind_named(std::string_view name) {
  for (const Kind& kind : kinds()) {
    if (kind.name == name) return kind;
  }
  throw UsageError(fmt::format("there is no measurement '{}'", name));
}

// A process of its own measures each time: what an earlier one freed would be found resident.
constexpr std::string_view kChild = "child";

std::vector<std::string> child_arguments(const Kind& kind, const Load& load) {
  return {std::string(kChild),
          std::string(kind.name),
          load.database.string(),
          std::to_string(load.row_bytes),
          std::to_string(load.producers),
          std::to_string(load.capacity_bytes),
          std::to_string(static_cast<int>(load.when_full)),
          std::to_string(load.cycles)};
}

int run_as_child(const std::vector<std::string>& arguments) {
  constexpr std::size_t kArguments = 8;
  if (arguments.size() != kArguments) throw UsageError("memory child is for memory's own use");
  Load load{.database = arguments[2],
            .row_bytes = parse_count(arguments[3]),
            .producers = parse_count(arguments[4]),
            .capacity_bytes = parse_count(arguments[5]),
            .when_full = static_cast<WhenFull>(parse_count(arguments[6])),
            .cycles = parse_count(arguments[7])};
  fmt::print("{}\n", json(kind_named(arguments[1]).run(load)).dump());
  return kExitOk;
}

Case case_of(std::string name, const Kind& kind, const Load& load) {
  auto run = [&kind, load] {
    std::filesystem::remove(load.database);
    std::vector<std::string> command{own_program(), "memory"};
    for (std::string& argument : child_arguments(kind, load)) command.push_back(argument);
    return json::parse(run_child(command)).get<Figures>();
  };
  return {.name = std::move(name), .figures = kind.figures, .contestants = {{"onelane", run}}};
}

std::vector<Case> cases_of(const QuestionOptions& options, const std::filesystem::path& directory) {
  const bool smoke = options.size == Size::smoke;
  const Load base{.database = directory / "memory.db",
                  .capacity_bytes = smoke ? 4 * kMiB : 64 * kMiB};
  std::vector<Case> cases;
  for (std::uint64_t producers : {1U, 8U, 64U}) {
    for (std::uint64_t row_bytes : {16U, 100U, 4'096U, 102'400U}) {
      Load load = base;
      load.row_bytes = row_bytes;
      load.producers = producers;
      cases.push_back(
          case_of(fmt::format("fill_{}_p{}", row_bytes, producers), kind_named("fill"), load));
    }
  }
  for (std::uint64_t row_bytes : {100U, 4'096U}) {
    Load load = base;
    load.row_bytes = row_bytes;
    load.producers = 4;
    load.capacity_bytes = smoke ? kMiB : 8 * kMiB;
    load.cycles = smoke ? 10 : 100;
    cases.push_back(case_of(fmt::format("cycle_{}", row_bytes), kind_named("cycle"), load));
  }
  return cases;
}

constexpr const char* kUsage =
    "usage: onelane-bench memory [flags]\n\n"
    "Resident memory with a full class against its capacity, for rows of 16 bytes to 100 KiB and\n"
    "1, 8 and 64 producers; and over fill-and-drain cycles with new threads each time. The\n"
    "allowance is 1.25 times the capacity and 64 KiB for each live producer.\n";

}  // namespace

int memory_main(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments[0] == kChild) return run_as_child(arguments);
  QuestionOptions options;
  FlagSet flags(kUsage);
  add_question_flags(flags, options);
  if (!flags.parse(arguments, std::cout)) return kExitOk;
  Scratch scratch(options.directory);
  return answer({.name = "memory",
                 .pragmas = pragmas_of({.path = scratch.path() / "pragmas",
                                        .wal_limit_bytes = JournalOptions{}.wal_limit_bytes}),
                 .cases = cases_of(options, scratch.path())},
                options, scratch);
}

}  // namespace onelane::bench
