#include "bench/recover.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "bench/contestants/load.h"
#include "bench/contestants/rows.h"
#include "bench/contestants/sqlite.h"
#include "bench/kit/child.h"
#include "bench/kit/errors.h"
#include "bench/kit/keyed_row.h"
#include "bench/kit/question.h"
#include "bench/kit/units.h"
#include "bench/recover/runs.h"

namespace onelane::bench {
namespace {

using namespace onelane::bench::recover;
using nlohmann::json;

// A process of its own does each of the three.
constexpr std::string_view kChild = "child";

struct Part {
  std::string_view name;
  Figures (*run)(const Left& left);
};
constexpr std::array kParts{Part{"leave", leave}, Part{"reopen", reopen}, Part{"bulk", bulk}};

int run_as_child(const std::vector<std::string>& arguments) {
  constexpr std::size_t kArguments = 5;
  if (arguments.size() != kArguments) throw UsageError("recover child is for recover's own use");
  const Left left{.database = arguments[2],
                  .rows = parse_count(arguments[3]),
                  .seed = parse_count(arguments[4])};
  for (const Part& part : kParts) {
    if (part.name != arguments[1]) continue;
    fmt::print("{}\n", json(part.run(left)).dump());
    std::fflush(stdout);
    std::_Exit(kExitOk);  // what is left stays as it is, as after a kill
  }
  throw UsageError(fmt::format("recover has no part '{}'", arguments[1]));
}

Figures run_part(std::string_view part, const Left& left) {
  return json::parse(run_child({own_program(), "recover", std::string(kChild), std::string(part),
                                left.database.string(), std::to_string(left.rows),
                                std::to_string(left.seed)}))
      .get<Figures>();
}

// The database has each of the rows once, and nothing else.
void verify(const Left& left) {
  Contents contents(left.rows);
  std::iota(contents.begin(), contents.end(), 0);
  verify_contents([&](const Store::Visit& visit) { read_database(left.database, visit); },
                  Rows(left.seed, kValueBytes, KeyOrder::random), contents);
}

void make_anew(const std::filesystem::path& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directory(directory);
}

Case case_of(std::uint64_t mib, std::uint64_t seed, const std::filesystem::path& directory) {
  const Left left{.database = directory / "database", .rows = rows_in(mib * kMiB), .seed = seed};
  auto opening = [left] {
    make_anew(left.database.parent_path());
    Figures figures = run_part("leave", left);
    figures.merge(run_part("reopen", left));
    verify(left);
    return figures;
  };
  auto pushed = [left] {
    make_anew(left.database.parent_path());
    Figures figures = run_part("bulk", left);
    figures["left_mib"] = kNoFigure;
    verify(left);
    return figures;
  };
  return {.name = fmt::format("mib{}", mib),
          .figures = {"ms", "per_s", "peak_mib", "log_mib", "left_mib"},
          .contestants = {{"opening", opening}, {"bulk", pushed}}};
}

std::vector<std::uint64_t> parse_mib(std::string_view text) {
  constexpr std::uint64_t kMost = 1024;
  std::vector<std::uint64_t> all;
  for (const std::string& part : split_list(text)) {
    all.push_back(parse_count(part));
    if (all.back() >= 1 && all.back() <= kMost) continue;
    throw UsageError(fmt::format("'{}' is not between 1 and {}", part, kMost));
  }
  return all;
}

constexpr const char* kUsage =
    "usage: onelane-bench recover [flags]\n\n"
    "How long Journal::open takes that finds rows (16-byte key, 100-byte value) in its intake,\n"
    "against the time in which the same rows are pushed and committed (bulk).\n";

}  // namespace

int recover_main(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments[0] == kChild) return run_as_child(arguments);
  QuestionOptions options;
  std::optional<std::vector<std::uint64_t>> given;
  FlagSet flags(kUsage);
  flags.group("Workload");
  flags.add({"mib", "LIST", "", "MiB that the intake has left, one case each (1,8,64)",
             into(given, parse_mib)});
  add_question_flags(flags, options);
  if (!flags.parse(arguments, std::cout)) return kExitOk;
  const std::vector<std::uint64_t> sizes = chosen(given, options, {1}, {1, 8, 64});

  Scratch scratch(options.directory);
  Question question{.name = "recover",
                    .subject = "opening",
                    .settings = {{"mib", sizes}},
                    .pragmas = pragmas_of({.path = scratch.path() / "pragmas",
                                           .value_bytes = kValueBytes,
                                           .wal_limit_bytes = JournalOptions().wal_limit_bytes})};
  for (const std::uint64_t mib : sizes) {
    question.cases.push_back(case_of(mib, options.seed, scratch.path() / "recover"));
  }
  return answer(question, options, scratch);
}

}  // namespace onelane::bench
