// A program that is killed in the middle of its work, and finds all of it when it runs again.
//
//   survivor FILE KILL    journals orders, and kills itself after the last one
//   survivor FILE         opens the same database, and says how many orders it has
#include <onelane/onelane.h>

#include <csignal>
#include <cstdint>
#include <iostream>
#include <string>
#include <tuple>

namespace {

constexpr std::int64_t kOrders = 500;

struct Order {
  std::int64_t id;
  std::string what;
};

}  // namespace

template <>
struct onelane::RecordTraits<Order> {
  static constexpr std::string_view sql = "INSERT INTO orders(id, what) VALUES(?1, ?2)";
  static auto columns(const Order& order) {
    return std::tuple(order.id, std::string_view(order.what));
  }
};

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  onelane::JournalOptions options{
      .schema = "CREATE TABLE IF NOT EXISTS orders(id INTEGER PRIMARY KEY, what TEXT)"};
  options.intake.dead_letters = "dead_letters";  // a table for what the database refuses
  auto journal = onelane::Journal::open(argv[1], options).value();  // applies what was left
  if (argc == 2) {
    const auto stats = journal.stats();
    std::cout << stats.intake.replayed << " orders were left to the next opening\n";
    return journal.close(std::chrono::seconds(5)).status.ok() ? 0 : 1;
  }
  // Nobody waits for commits: they are gathered for a minute.
  auto orders = journal
                    .add_class({.name = "orders",
                                .gather = std::chrono::minutes(1),
                                .promise = onelane::Promise::journaled,
                                .intake = true})
                    .value();
  auto producer = journal.producer<Order>(orders).value();
  for (std::int64_t id = 1; id <= kOrders; ++id) {
    producer.journal({id, "tea"}).value();  // on the disk now, and in the database soon
  }
  std::raise(SIGKILL);
}
