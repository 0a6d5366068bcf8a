// The statements of a journal: added under the baton, read by every push.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "onelane/record.h"

namespace onelane::inline v0::engine {

class Statements {
 public:
  // Of the journal whose statements these are: Statement::journal.
  std::uint64_t journal() const { return journal_; }

  // The same SQL, columns and keys, if it was added before.
  std::optional<Statement> find(const StatementSpec& spec) const;
  bool full() const { return count() == kStatementsMax; }
  // The baton's holder: what it is to be, and then, which needs no memory, that it is.
  void prepare(const StatementSpec& spec);
  Statement add() noexcept;

  struct Known {
    StatementSpec spec;
    std::uint64_t tags;

    // Whether the row is certainly one of the statement's; if not, check_row tells.
    bool suits(const Row& row) const { return tags != 0 && tags == row.tags(); }
  };
  // Of one that was added. Any thread.
  const StatementSpec& spec(std::size_t index) const { return known_[index]->spec; }
  // Null if there is no such statement. Any thread; valid as long as this object.
  const Known* get(Statement statement) const {
    if (statement.journal != journal_) [[unlikely]]
      return nullptr;
    return statement.index < count() ? known_[statement.index].get() : nullptr;
  }

 private:
  std::size_t count() const { return count_.load(std::memory_order_acquire); }

  static_assert(kStatementsMax - 1 <= std::numeric_limits<decltype(Statement::index)>::max());

  Statement numbered(std::size_t index) const {
    return {static_cast<std::uint16_t>(index), journal_};
  }
  static std::uint64_t next_journal() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;  // 0 is no journal's
  }

  const std::uint64_t journal_ = next_journal();
  std::array<std::unique_ptr<const Known>, kStatementsMax> known_;
  std::atomic<std::size_t> count_{0};
};

// Checks what add_statement is given, as far as it goes without a sink.
Status check_spec(const StatementSpec& spec);

}  // namespace onelane::inline v0::engine
