#include "bench/lone.h"

#include <iostream>
#include <optional>

#include "bench/contestants/sqlite.h"
#include "bench/contestants/trial.h"
#include "bench/kit/errors.h"
#include "bench/kit/question.h"

namespace onelane::bench {
namespace {

struct LoneOptions {
  std::optional<std::uint64_t> writes;
  Nanoseconds longest{0};
  Field field;
};

std::vector<Case> cases_of(const LoneOptions& o, const QuestionOptions& options,
                           const std::filesystem::path& directory) {
  auto rows = std::make_shared<Rows>(options.seed, kValueBytes, KeyOrder::random);
  std::vector<Case> cases;
  for (Synchronous synchronous : {Synchronous::normal, Synchronous::full}) {
    Workload workload{.rows = rows,
                      .synchronous = synchronous,
                      .load = {.rows = *o.writes, .longest = o.longest}};
    std::string name(bench::name(synchronous));
    cases.push_back(make_case(name, o.field, warmed_up(workload, o.field), directory));
    cases.back().figures = {"p50_us", "p99_us", "per_s"};
    add_intake_figures(o.field, cases.back());
  }
  return cases;
}

}  // namespace

int lone_main(const std::vector<std::string>& arguments) {
  QuestionOptions options;
  LoneOptions own;
  FlagSet flags(
      "usage: onelane-bench lone [flags]\n\n"
      "One thread that writes one row (16-byte key, 100-byte value) and waits for it, over and "
      "over; a case\nfor each of synchronous normal and full.\n");
  flags.group("Workload");
  flags.add({"writes", "N", "", "a run ends after so many writes (20000)",
             into(own.writes, parse_count)});
  flags.add({"longest", "TIME", "2s", "or after so long", into(own.longest, parse_duration)});
  add_field_flags(flags, own.field, "direct,mutex,leader,onelane,pg_autocommit,pg_onelane");
  add_question_flags(flags, options);
  if (!flags.parse(arguments, std::cout)) return kExitOk;
  complete(own.field, options);
  own.writes = chosen(own.writes, options, 100, 20'000);

  Scratch scratch(options.directory);
  Question question{.name = "lone",
                    .subject = own.field.subject,
                    .settings = {{"wal_limit", format_size(*own.field.wal_limit_bytes)},
                                 {"writes", *own.writes},
                                 {"longest", format_duration(own.longest)}},
                    .pragmas = pragmas_of({.path = scratch.path() / "pragmas",
                                           .synchronous = Synchronous::normal,
                                           .wal_limit_bytes = *own.field.wal_limit_bytes}),
                    .server = server_of(own.field, Synchronous::full),
                    .cases = cases_of(own, options, scratch.path())};
  return answer(question, options, scratch);
}

}  // namespace onelane::bench
