// Options as text: any text either sets options, which are then written and read again as they are,
// or is refused with a reason.
#include "onelane/option_text.h"
#include "tests/fuzz/fuzz.h"

namespace onelane::test {
namespace {

void read_class(std::string_view text) {
  const Result<ClassOptions> options = parse_class(text);
  if (!options) return require(!options.status().message().empty(), "a refusal says why");
  const Result<ClassOptions> again = parse_class(to_text(*options));
  require(again.ok(), "what is written can be read");
  require(to_text(*again, Shown::all) == to_text(*options, Shown::all), "and means the same");
}

void read_journal(std::string_view text) {
  const Result<JournalOptions> options = parse_journal(text);
  if (!options) return require(!options.status().message().empty(), "a refusal says why");
  const Result<JournalOptions> again = parse_journal(to_text(*options));
  require(again.ok(), "what is written can be read");
  require(to_text(*again, Shown::all) == to_text(*options, Shown::all), "and means the same");
  require(again->intake.folder == options->intake.folder, "whatever a path is made of");
  const Status valid = validate(*options);
  require(valid.ok() || valid.message().starts_with("intake."), "each value is within its limits");
}

void read_numbers(std::string_view text) {
  if (const Result<Duration> time = parse_duration(text)) {
    require(*parse_duration(duration_text(*time)) == *time, "a time is written exactly");
  }
  if (const Result<std::uint64_t> size = parse_size(text)) {
    require(*parse_size(size_text(*size)) == *size, "a size is written exactly");
  }
}

}  // namespace
}  // namespace onelane::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = onelane::test::text_of(data, size);
  onelane::test::read_class(text);
  onelane::test::read_class("p:" + std::string(text));
  onelane::test::read_journal(text);
  onelane::test::read_numbers(text);
  return 0;
}
