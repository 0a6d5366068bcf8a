// The reader of traces: whatever the bytes are, nothing outside them is read; what is read is the
// same when it is read again, and can be replayed and predicted. A part of the input is taken as a
// file, the rest as items behind right checksums, so that what is behind those is reached.
#include "onelane/trace.h"

#include <span>
#include <vector>

#include "src/trace/file.h"
#include "tests/fuzz/fuzz.h"

namespace onelane::test {
namespace {

void read(std::span<const std::byte> file) {
  const Result<Trace> one = parse_trace(file), two = parse_trace(file);
  require(one.ok() == two.ok(), "the same bytes are read in the same way");
  if (!one.ok()) return require(!one.status().message().empty(), "a refusal says why");
  require(one->units.size() == two->units.size(), "the same units are found");
  for (const TracedUnit& each : one->units) {
    require(each.write_class < one->budgets.classes.size(), "a unit's class is known");
    require(each.site < one->sites.size(), "a unit's call site is known");
  }
  require(validate(one->budgets).ok(), "budgets are within their limits");
  const Replay replayed = replay(*one);
  require(replayed.classes.size() == one->budgets.classes.size(), "all classes are replayed");
  const Result<Replay> predicted = predict(*one, one->budgets);
  require(predicted.ok(), "a trace's own budgets fit it");
  require(predicted->classes.size() == one->budgets.classes.size(), "all classes are predicted");
}

void feed(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const auto rest = bytes.subspan(1);
  if (bytes.front() == std::byte{0}) return read(rest);
  const auto header = trace::file_header();
  const auto block = trace::block_header(0, rest);
  std::vector<std::byte> file(header.begin(), header.end());
  file.insert(file.end(), block.begin(), block.end());
  file.insert(file.end(), rest.begin(), rest.end());
  read(file);
}

}  // namespace
}  // namespace onelane::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  onelane::test::feed({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
