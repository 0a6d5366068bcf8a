#include "src/sqlite/sink/inquiry.h"

#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include "src/base/memory.h"

namespace onelane::inline v0::sqlite {

namespace {

// integrity_check reads all of the file while the lane waits: some 0.1 s for this much.
constexpr std::uint64_t kLookedThroughMax = std::uint64_t{16} * 1024 * 1024;

// What max_page_count is where nobody has set it, before 3.45 and since.
constexpr std::string_view kPagesMaxBefore = "1073741823";
constexpr std::string_view kPagesMax = "4294967294";

// The answer's first column, or "" if there is none.
std::string answer(Connection& connection, const char* sql) {
  std::string first;
  return connection.run_own(sql, first) == SQLITE_OK ? first : std::string();
}

std::uint64_t number(Connection& connection, const char* sql) {
  return std::strtoull(answer(connection, sql).c_str(), nullptr, 10);
}

bool is_sound(Connection& connection) {
  const std::uint64_t bytes =
      number(connection, "PRAGMA page_count") * number(connection, "PRAGMA page_size");
  return bytes != 0 && bytes <= kLookedThroughMax &&
         answer(connection, "PRAGMA integrity_check(1)") == "ok";
}

void blame(Reply& reply, Fault fault, const std::string& message) {
  reply.fault = fault;
  reply.cause = {errc_of(fault), message, reply.cause.sqlite_code()};
}

void ask(Connection& connection, Reply& reply) {
  const std::string used_up =
      answer(connection, "SELECT name FROM sqlite_sequence WHERE seq = 9223372036854775807");
  if (!used_up.empty()) {
    return blame(reply, Fault::record, "the AUTOINCREMENT keys of " + used_up + " are used up");
  }
  const std::string most = answer(connection, "PRAGMA max_page_count");
  if (most != kPagesMax && most != kPagesMaxBefore) {
    return blame(reply, Fault::environment,
                 "database or disk is full: the database has " +
                     answer(connection, "PRAGMA page_count") + " of its max_page_count of " + most);
  }
  blame(reply, Fault::environment,
        "database or disk is full: not the database's disk, which a statement does not write to, "
        "but SQLite's directory for temporary files, or an SQL function");
}

}  // namespace

void ask_what_is_full(Connection& connection, Reply& reply) noexcept {
  try {
    ask(connection, reply);
  } catch (const std::bad_alloc&) {  // the code says enough
  }
}

void ask_what_is_damaged(Connection& connection, Reply& reply) noexcept {
  try {
    if (!is_sound(connection)) return;
    blame(reply, Fault::environment, reply.cause.message() + ", though the file is sound");
  } catch (const std::bad_alloc&) {  // then it is believed
  }
}

}  // namespace onelane::inline v0::sqlite
