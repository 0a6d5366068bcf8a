// A question whose answer is a table of trials: flags that all of them share, what is printed, and
// what is written. Those of one file per question only say what their cases are:
//
//   QuestionOptions options;
//   FlagSet flags("usage: onelane-bench lone [flags]\n...");
//   flags.group("Workload");
//   flags.add(...);
//   add_question_flags(flags, options);
//   if (!flags.parse(arguments, std::cout)) return kExitOk;
//   Scratch scratch(options.directory);
//   return answer({.name = "lone", .cases = ...}, options, scratch);
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bench/kit/errors.h"
#include "bench/kit/outputs.h"
#include "bench/kit/scratch.h"
#include "bench/kit/trials.h"
#include "tools/kit/flags.h"

namespace onelane::bench {

// The smoke size runs with the tests: it shows that a question can be answered, not the answer.
enum class Size : std::uint8_t { smoke, real };

struct QuestionOptions {
  Size size = Size::real;
  std::uint64_t repeats = 0;  // repetitions; 0: 5, or 1 of smoke size
  std::uint64_t seed = 1;
  std::filesystem::path directory;  // where databases are
  OutputOptions output;
};

// The groups "Trials" and "Output". The options must outlive the FlagSet.
void add_question_flags(FlagSet& flags, QuestionOptions& options);

// What was given, or what belongs to the size.
template <class T>
T chosen(const std::optional<T>& given, const QuestionOptions& options,
         std::type_identity_t<T> smoke, std::type_identity_t<T> real) {
  return given.value_or(options.size == Size::smoke ? smoke : real);
}

struct Question {
  std::string name;
  std::string subject = "onelane";  // whose ratios to the others are shown
  // What the cases were made from; printed, and in the JSON. Size, repeats and seed come by
  // themselves.
  nlohmann::json settings = nlohmann::json::object();
  std::vector<std::pair<std::string, std::string>> pragmas;  // as read back from a connection
  nlohmann::json server = nlohmann::json::object();  // what was said of one; {}: there is none
  std::vector<Case> cases;
};

// Measures the environment, runs the trials, prints and writes them. The exit code.
int answer(const Question& question, const QuestionOptions& options, const Scratch& scratch);

// " name=value name=value", of an object.
std::string settings_text(const nlohmann::json& settings);

}  // namespace onelane::bench
