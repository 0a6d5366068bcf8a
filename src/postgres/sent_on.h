// The commands of a transaction that were sent on before the server had answered those before them,
// and what became of each record (onelane/sink.h, PipelinedCalls).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "onelane/sink.h"
#include "src/postgres/connection.h"
#include "src/postgres/statements.h"

namespace onelane::inline v0::postgres {

class SentOn {
 public:
  // The statements must outlive it.
  explicit SentOn(Statements& statements) : statements_(statements) {}

  // A transaction begins.
  void begin();

  // --- What is queued now, at place `at` of the next exchange.

  // The transaction's next record.
  void record(std::size_t at, Statement statement);
  // What finds violations of the unit whose records were the last ones.
  void check(std::size_t at);
  // PositionsTable::queue_advance(); `corrupt` says what it means if it finds another position.
  void expectation(std::size_t at, std::string corrupt);

  // A record that was answered at once: the transaction's next one. Rows from `first_row` on are
  // its own.
  void answered(const Application& record, std::size_t first_row);

  // Takes what the exchange brought of the first `front` commands, and tells the first failure of
  // them, if one has failed. One that is in none of the calls above is ours.
  Reply settle(std::span<const ResultPtr> replies, std::size_t front);
  // Whether a command is queued whose failure would make the server skip what comes after it.
  bool waiting() const noexcept { return !commands_.empty(); }
  // Nobody is to blame after all.
  void forget_failure() noexcept { failed_.reset(); }

  std::optional<std::size_t> failed_record() const noexcept { return failed_; }
  std::span<AppliedRecord> applied() noexcept { return applied_; }

 private:
  enum class What : std::uint8_t { record, check, expectation };
  struct Command {
    std::size_t at = 0;
    std::size_t of = 0;  // the record's number, or the place of what is corrupt
    What what = What::record;
    Statement statement{};
  };
  Reply failure(std::size_t at, const PGresult* result);

  Statements& statements_;
  std::vector<Command> commands_;  // of the next exchange, in order
  std::vector<std::string> corrupt_;
  std::vector<AppliedRecord> applied_;
  std::optional<std::size_t> failed_;
};

}  // namespace onelane::inline v0::postgres
