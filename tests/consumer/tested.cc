// A program's own test: its writes on a journal without threads, on a sink in memory, at a time
// that the test sets.
#include <onelane/onelane.h>
#include <onelane/testing.h>

#include <cstdlib>
#include <iostream>
#include <tuple>

namespace {

using namespace std::chrono_literals;

struct Counter {
  std::string name;
  std::int64_t n;
};

void expect(bool holds, const char* what) {
  if (holds) return;
  std::cerr << what << " does not hold\n";
  std::exit(1);
}

}  // namespace

template <>
struct onelane::RecordTraits<Counter> {
  static constexpr std::string_view sql = "counter";
  static auto columns(const Counter& counter) { return std::tie(counter.name, counter.n); }
  static constexpr std::array<std::uint16_t, 1> key_columns{0};
};

int main() {
  const auto clock = std::make_shared<onelane::testing::FakeClock>();
  const auto store = std::make_shared<onelane::testing::MemoryStore>();
  auto journal = onelane::Journal::open(std::make_unique<onelane::testing::MemorySink>(store),
                                        {.drive = onelane::Drive::manual, .clock = clock})
                     .value();
  auto counters =
      journal.add_class({.name = "counters", .gather = 100ms, .coalesce = true}).value();
  const auto producer = journal.producer<Counter>(counters).value();
  for (std::int64_t i = 0; i < 10; ++i) expect(producer.push({"hits", i}).ok(), "a push is taken");
  expect(journal.tick().value().units == 0, "counters are gathered for 100 ms");
  clock->advance(100ms);
  (void)journal.tick().value();
  expect(store->rows().size() == 1 && std::get<std::int64_t>(store->rows()[0].values[1]) == 9,
         "the newest value is the one that is written");
  store->refuse([](const auto&) { return onelane::Status(onelane::Errc::record, "not this one"); });
  const auto written = journal.add_class({.name = "others"})
                           .value()
                           .write(producer.statement(), onelane::Row().text("misses").integer(1));
  expect(status_of(written).code() == onelane::Errc::record, "what the store refuses is rejected");
  return journal.close(1s).status.ok() ? 0 : 1;
}
