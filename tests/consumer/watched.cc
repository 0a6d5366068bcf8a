// A program that can be looked at: a page, metrics and JSON on a Unix socket, and the verdict on
// its standard output.
#include <onelane/http.h>
#include <onelane/onelane.h>
#include <onelane/render.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto journal = onelane::Journal::open("watched.db", {.schema = "CREATE TABLE t(a)"}).value();
  auto peers = journal.add_class({.name = "peers"}).value();
  auto server = onelane::http::Server::serve(journal, {.socket = argv[1], .title = "watched"});
  if (!server.ok()) {
    std::cerr << server.status().to_string() << '\n';
    return 1;
  }
  const onelane::render::Verdict verdict =
      onelane::render::judge(journal.stats(), {.health = journal.health()});
  std::cout << server.value()->address() << ": " << verdict.condition << '\n';
  return verdict.ok ? 0 : 1;
}
