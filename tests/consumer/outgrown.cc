// A program that writes to a PostgreSQL server. Here there is none, and it says so.
#include <onelane/postgres.h>

#include <iostream>

int main() {
  const auto journal =
      onelane::postgres::open("host=127.0.0.1 port=1 dbname=peers password=secret");
  std::cout << name(journal.status().code()) << '\n';
  const bool told = journal.status().message().find("secret") != std::string::npos;
  return told ? 1 : 0;
}
