// "--fail-if EXPR": any text is a condition or wrong usage, and a condition answers the same twice,
// whatever its paths lead to.
#include "bench/kit/fail_if.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "bench/kit/errors.h"
#include "tests/fuzz/fuzz.h"

namespace onelane::test {
namespace {

const nlohmann::json& result() {
  static const nlohmann::json json = {{"a", 1},
                                      {"b", {{"c", 2.5}, {"d", {{{"name", "e"}, {"f", 0}}}}}},
                                      {"g", true},
                                      {"h", "text"}};
  return json;
}

void ask(std::string_view text) {
  std::optional<bench::FailIf> condition;
  try {
    condition.emplace(text);
    condition->check_paths(result());
  } catch (const bench::UsageError& error) {
    require(*error.what() != '\0', "a refusal says why");
    return;
  }
  require(condition->met(result()) == condition->met(result()), "the answer is the same twice");
  require(condition->figures(result()).starts_with(text), "the figures begin with the condition");
}

}  // namespace
}  // namespace onelane::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  onelane::test::ask(onelane::test::text_of(data, size));
  return 0;
}
