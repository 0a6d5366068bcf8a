// "--class NAME:KEY=VALUE,...": any text either sets options or is refused as wrong usage, and a
// refused one changes nothing that validate() would not find.
#include <array>
#include <stdexcept>

#include "bench/kit/errors.h"
#include "bench/storm/options.h"
#include "tests/fuzz/fuzz.h"

namespace onelane::test {
namespace {

using bench::storm::StormOptions;

void set_classes(std::string_view text) {
  StormOptions options;
  const auto before = options.classes;
  try {
    bench::storm::apply_class(text, options.classes);
  } catch (const bench::UsageError& error) {
    require(*error.what() != '\0', "a refusal says why");
    return;
  }
  std::size_t touched = 0;
  for (std::size_t i = 0; i < options.classes.size(); ++i) {
    const std::string prefix = before[i].name + ":";
    require(options.classes[i].name == before[i].name, "a class keeps its name");
    if (text.substr(0, prefix.size()) == prefix) ++touched;
  }
  require(touched == 1, "one class is set, the one that is named");
}

}  // namespace
}  // namespace onelane::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  onelane::test::set_classes(onelane::test::text_of(data, size));
  return 0;
}
