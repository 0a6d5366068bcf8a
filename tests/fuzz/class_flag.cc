// "--class NAME:KEY=VALUE,...": any text either sets options or is refused as wrong usage, and a
// refused one changes nothing that validate() would not find.
#include "bench/storm/class_flag.h"

#include <array>
#include <stdexcept>

#include "bench/kit/errors.h"
#include "tests/fuzz/fuzz.h"

namespace onelane::test {
namespace {

void set_classes(std::string_view text) {
  bench::storm::Classes classes = bench::storm::default_classes();
  const auto before = classes;
  try {
    bench::storm::apply_class(text, classes);
  } catch (const bench::UsageError& error) {
    require(*error.what() != '\0', "a refusal says why");
    return;
  }
  std::size_t touched = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::string prefix = before[i].name + ":";
    require(classes[i].name == before[i].name, "a class keeps its name");
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
