// A short life of a journal on whatever SQLite this program is linked with, and nothing of SQLite's
// before it: `onelane_life DATABASE` prints what became of it.
#include <onelane/onelane.h>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string_view>
#include <tuple>

struct Number {
  std::int64_t value;
};

template <>
struct onelane::RecordTraits<Number> {
  static constexpr std::string_view sql = "INSERT INTO n(v) VALUES(?1)";
  static auto columns(const Number& number) { return std::tuple(number.value); }
};

namespace {

constexpr std::int64_t kRecords = 100;

onelane::Status live(const char* path) {
  auto opened = onelane::Journal::open(path, {.schema = "CREATE TABLE IF NOT EXISTS n(v INTEGER)"});
  if (!opened) return opened.status();
  onelane::Journal journal = *std::move(opened);
  auto numbers = journal.add_class({.name = "numbers"}).value();
  auto producer = journal.producer<Number>(numbers).value();
  for (std::int64_t i = 0; i < kRecords; ++i) {
    if (onelane::Status status = producer.push({i}); !status.ok()) return status;
  }
  if (onelane::Status status = journal.sync(); !status.ok()) return status;
  return journal.close(std::chrono::seconds(5)).status;
}

}  // namespace

int main(int, char** arguments) {
  const onelane::Status status = live(arguments[1]);
  std::cout << (status.ok() ? "all durable" : status.to_string()) << '\n';
}
