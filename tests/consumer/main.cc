#include <onelane/onelane.h>

#include <iostream>
#include <string>
#include <tuple>

struct Peer {
  std::string id;
  std::int64_t seen;
};

template <>
struct onelane::RecordTraits<Peer> {
  static constexpr std::string_view sql =
      "INSERT INTO peers(id, seen) VALUES(?1, ?2) "
      "ON CONFLICT(id) DO UPDATE SET seen = excluded.seen";
  static auto columns(const Peer& peer) { return std::tuple(std::string_view(peer.id), peer.seen); }
};

int main() {
  const char* schema = "CREATE TABLE IF NOT EXISTS peers(id TEXT PRIMARY KEY, seen INTEGER)";
  auto journal = onelane::Journal::open("peers.db", {.schema = schema}).value();
  auto peers = journal.add_class({.name = "peers"}).value();  // its own queue and budgets
  auto producer = journal.producer<Peer>(peers).value();      // for any thread

  if (!producer.push({"alice", 1}).ok()) return 1;  // nobody waits for this one
  const auto bob = producer.write({"bob", 2}, {.timeout = std::chrono::seconds(1)});
  if (const onelane::Status why = status_of(bob); !why.ok()) {  // for this one somebody does
    std::cerr << why.to_string() << '\n';
    return 1;
  }
  std::cout << "bob is in commit " << bob->commit << '\n';

  return journal.close(std::chrono::seconds(5)).status.ok() ? 0 : 1;
}
