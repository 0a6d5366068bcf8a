// The reasons for which SQLite gives up a statement, or the transaction around it. They are the
// refusals of a record (tests/support/poison.h), and strikes. A strike is an SQL function that does
// to its own statement what the record's second word says. Strikes are the environment's fault, so
// no record is rejected for one, except a record that is struck whenever it runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/disk.h"
#include "tests/support/poison.h"

namespace onelane::prove {

// Tables beside those of the poison kinds: lone(id, word), and ballast(words) to read.
extern const char* const kStrikeSchema;

// How the record must end.
enum class Answer : std::uint8_t {
  rejected,   // it alone
  committed,  // like the others, once it runs again
  poisoned,   // it and the others are closed
};

struct Cause {
  test::PoisonKind kind;
  Answer answer = Answer::rejected;
  test::Repeat repeat = test::Repeat::always;  // of a strike

  std::string name() const;
  bool strikes() const { return kind.sql.find("strike(") != std::string_view::npos; }
  bool by_disk() const { return kind.bad_word.starts_with('?'); }
  // Whether the statement writes (id, ?2) beside (-id, ?3).
  bool writes_both() const { return kind.sql.find("?1, ?2") != std::string_view::npos; }
};

const std::vector<Cause>& causes();

// The SQL function, for every connection that is opened while it lives; and what these write. One
// at a time, and connections on one thread.
class Strikes {
 public:
  Strikes();
  ~Strikes();
  Strikes(const Strikes&) = delete;
  Strikes& operator=(const Strikes&) = delete;

  void begin(std::shared_ptr<test::Disk> disk, test::Repeat repeat);
  std::uint64_t count() const noexcept;
  // Since begin, in order, whether or not they were undone; by table (but audit) and id.
  struct Write {
    std::string table;
    std::int64_t id;
  };
  const std::vector<Write>& writes() const noexcept;
};

}  // namespace onelane::prove
