#include "bench/growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <utility>

#include "bench/contestants/sqlite.h"
#include "bench/growth/runs.h"
#include "bench/kit/errors.h"
#include "bench/kit/question.h"
#include "bench/kit/units.h"

namespace onelane::bench {
namespace {

using namespace onelane::bench::growth;

constexpr std::string_view kSmallest = "smallest";

struct Sizes {
  std::vector<std::uint64_t> database;
  std::vector<std::uint64_t> backlog;
  std::vector<std::uint64_t> classes;
  std::uint64_t rows = 0;           // each run writes, or the backlog if that is larger
  std::uint64_t database_rows = 0;  // where something else grows: SQLite's cache holds them
};

Sizes sizes_of(const QuestionOptions& options) {
  if (options.size == Size::smoke) {
    return {.database = {1'000, 10'000},
            .backlog = {1'000, 4'000},
            .classes = {1, 64},
            .rows = 4'000,
            .database_rows = 1'000};
  }
  return {.database = {1'000, 10'000, 100'000, 1'000'000, 10'000'000},
          .backlog = {1'000, 10'000, 100'000, 1'000'000},
          .classes = {1, 4, 16, 64},
          .rows = 100'000,
          .database_rows = 10'000};
}

// The databases, each laid out when it is first needed.
class Databases {
 public:
  explicit Databases(std::filesystem::path directory) : directory_(std::move(directory)) {}

  std::filesystem::path of(std::uint64_t rows) {
    std::filesystem::path path = directory_ / fmt::format("{}.db", rows);
    if (!std::filesystem::exists(path)) lay_out(path, rows);
    return path;
  }

 private:
  std::filesystem::path directory_;
};

using Run = std::function<Figures(const Load&)>;

// A case whose contestants are the sizes. The smallest is the subject, so that a ratio says by how
// much a row costs more.
class Grower {
 public:
  Grower(Databases& databases, const Sizes& sizes, std::uint64_t seed)
      : databases_(databases), sizes_(sizes), seed_(seed) {}

  // set(load, size) makes a load of that size.
  template <class Set>
  Case grow(std::string name, const std::vector<std::uint64_t>& sizes, const Run& run, Set set) {
    Case growing{.name = std::move(name), .figures = {"per_s", "us_per_row"}, .contestants = {}};
    for (std::uint64_t size : sizes) {
      Load load{.database_rows = sizes_.database_rows, .rows = sizes_.rows, .seed = seed_};
      set(load, size);
      load.rows = std::max(load.rows, load.backlog);
      growing.contestants.push_back(
          {size == sizes.front() ? std::string(kSmallest) : fmt::format("n{}", size),
           [this, run, load]() mutable {
             load.database = databases_.of(load.database_rows);
             ++load.seed;  // other rows in each repetition
             load.version = std::exchange(version_, version_ + load.rows);
             return run(load);
           }});
    }
    return growing;
  }

 private:
  Databases& databases_;
  const Sizes& sizes_;
  std::uint64_t seed_;
  std::uint64_t version_ = 1;
};

std::vector<Case> cases_of(Grower& grower, const Sizes& sizes, std::string_view axis) {
  auto database = [](Load& load, std::uint64_t size) { load.database_rows = size; };
  auto backlog = [](Load& load, std::uint64_t size) { load.backlog = size; };
  auto classes = [](Load& load, std::uint64_t size) {
    constexpr std::uint64_t kDeepEnough = 2 * kRowsPerTransaction;
    load.backlog = kDeepEnough;
    load.classes = size;
  };
  std::vector<Case> cases;
  if (axis == "database" || axis == "all") {
    cases.push_back(grower.grow("database", sizes.database, run_journal, database));
    cases.push_back(grower.grow("database_bare", sizes.database, run_bare, database));
  }
  if (axis == "backlog" || axis == "all") {
    cases.push_back(grower.grow("backlog", sizes.backlog, run_journal, backlog));
  }
  if (axis == "classes" || axis == "all") {
    cases.push_back(grower.grow("classes", sizes.classes, run_journal, classes));
  }
  return cases;
}

std::string parse_axis(std::string_view text) {
  for (std::string_view known : {"all", "database", "backlog", "classes"}) {
    if (text == known) return std::string(text);
  }
  throw UsageError(fmt::format("'{}' is none of all, database, backlog, classes", text));
}

constexpr const char* kUsage =
    "usage: onelane-bench growth [flags]\n\n"
    "What a row costs as the database, the backlog and the number of classes grow, on one thread\n"
    "that pushes a backlog and then ticks. The contestants are the sizes, and the ratios say how\n"
    "much more a row costs than at the smallest; database_bare is SQLite's own growth.\n";

}  // namespace

int growth_main(const std::vector<std::string>& arguments) {
  QuestionOptions options;
  std::string axis;
  FlagSet flags(kUsage);
  flags.group("Workload");
  flags.add(
      {"axis", "NAME", "all", "all, or one of database, backlog, classes", into(axis, parse_axis)});
  add_question_flags(flags, options);
  if (!flags.parse(arguments, std::cout)) return kExitOk;

  Scratch scratch(options.directory);
  const Sizes sizes = sizes_of(options);
  Databases databases(scratch.path());
  Grower grower(databases, sizes, options.seed);
  return answer({.name = "growth",
                 .subject = std::string(kSmallest),
                 .settings = {{"axis", axis},
                              {"database", sizes.database},
                              {"backlog", sizes.backlog},
                              {"classes", sizes.classes},
                              {"rows", sizes.rows},
                              {"database_rows", sizes.database_rows},
                              {"rows_per_transaction", kRowsPerTransaction}},
                 .pragmas = pragmas_of({.path = scratch.path() / "pragmas",
                                        .wal_limit_bytes = JournalOptions{}.wal_limit_bytes}),
                 .cases = cases_of(grower, sizes, axis)},
                options, scratch);
}

}  // namespace onelane::bench
