// onelane-bench: one program, one file per question.
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "bench/bulk.h"
#include "bench/callers.h"
#include "bench/fill.h"
#include "bench/growth.h"
#include "bench/kit/errors.h"
#include "bench/lone.h"
#include "bench/memory.h"
#include "bench/overhead.h"
#include "bench/push.h"
#include "bench/recover.h"
#include "bench/run.h"
#include "bench/storm.h"
#include "onelane/option_text.h"
#include "onelane/version.h"
#include "tools/kit/interrupt.h"

namespace onelane::bench {
namespace {

struct Question {
  std::string_view name;
  std::string_view help;
  int (*run)(const std::vector<std::string>& arguments);
};

constexpr std::array kQuestions{
    Question{"storm", "what becomes of small writes while heavy ones run", storm_main},
    Question{"run", "a workload of one's own, from a file", run_main},
    Question{"lone", "one caller that writes one row at a time", lone_main},
    Question{"callers", "1 to 256 threads that each wait for their small write", callers_main},
    Question{"bulk", "many rows, and nobody waits", bulk_main},
    Question{"fill", "the writing workloads of LevelDB's db_bench", fill_main},
    Question{"push", "what a push costs its thread", push_main},
    Question{"growth", "what a row costs as everything grows", growth_main},
    Question{"recover", "the time to open by what the intake has left", recover_main},
    Question{"memory", "resident memory against configured capacity", memory_main},
    Question{"overhead", "instructions of a row's journey beyond the bare loop's", overhead_main}};

std::string usage() {
  std::string text =
      "usage: onelane-bench QUESTION [flags]\n       onelane-bench --version\n\n"
      "Questions (--help after one tells its flags):\n";
  for (const Question& question : kQuestions) {
    text += fmt::format("  {:10}{}\n", question.name, question.help);
  }
  return text;
}

int dispatch(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw UsageError("no question is asked\n" + usage());
  if (arguments[0] == "--help" || arguments[0] == "-h") {
    fmt::print("{}", usage());
    return kExitOk;
  }
  if (arguments[0] == "--version") {
    fmt::print("onelane-bench {}\n", ONELANE_VERSION_STRING);
    return kExitOk;
  }
  std::vector<std::string> names;
  for (const Question& question : kQuestions) {
    names.emplace_back(question.name);
    if (question.name == arguments[0]) {
      return question.run({arguments.begin() + 1, arguments.end()});
    }
  }
  throw UsageError(fmt::format("there is no question '{}'; the nearest is {}\n{}", arguments[0],
                               nearest(arguments[0], names), usage()));
}

// A result that did not get out is none.
void require_written(std::FILE* output) {
  if (std::fflush(output) != 0 || std::ferror(output) != 0) {
    throw RunError("cannot write to standard output: " +
                   std::generic_category().message(errno == 0 ? EIO : errno));
  }
}

}  // namespace
}  // namespace onelane::bench

int main(int argc, char** argv) {
  using namespace onelane::bench;
  try {
    const int code = dispatch({argv + 1, argv + argc});
    require_written(stdout);
    return code;
  } catch (const UsageError& error) {
    fmt::print(stderr, "onelane-bench: {}\n", error.what());
    return kExitUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "onelane-bench: {}\n", error.what());
    return interrupted() ? interrupted_code() : kExitFailed;
  }
}
