// The statements of a journal: added under the baton, read by every push.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "onelane/record.h"

namespace onelane::engine {

class Statements {
 public:
  static constexpr std::size_t kMax = 1024;

  // The same SQL, columns and keys, if it was added before.
  std::optional<Statement> find(const StatementSpec& spec) const;
  bool full() const { return count() == kMax; }
  Statement add(const StatementSpec& spec);  // the baton's holder

  // Null if there is no such statement. Any thread; valid as long as this object.
  const StatementSpec* get(Statement statement) const {
    return statement.index < count() ? specs_[statement.index].get() : nullptr;
  }

 private:
  std::size_t count() const { return count_.load(std::memory_order_acquire); }

  std::array<std::unique_ptr<const StatementSpec>, kMax> specs_;
  std::atomic<std::size_t> count_{0};
};

// Checks what add_statement is given, as far as it goes without a sink.
Status check_spec(const StatementSpec& spec);

}  // namespace onelane::engine
