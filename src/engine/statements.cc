#include "src/engine/statements.h"

#include "src/model/row.h"

namespace onelane::inline v0::engine {

std::optional<Statement> Statements::find(const StatementSpec& spec) const {
  for (std::size_t i = 0; i < count(); ++i) {
    const StatementSpec& known = known_[i]->spec;
    if (known.sql == spec.sql && known.columns == spec.columns &&
        known.key_columns == spec.key_columns) {
      return numbered(i);
    }
  }
  return std::nullopt;
}

void Statements::prepare(const StatementSpec& spec) {
  known_[count()] = std::make_unique<const Known>(Known{spec, model::tags_of(spec)});
}

Statement Statements::add() noexcept {
  const std::size_t index = count();
  count_.store(index + 1, std::memory_order_release);
  return numbered(index);
}

Status check_spec(const StatementSpec& spec) {
  for (const std::uint16_t column : spec.key_columns) {
    if (column < spec.columns.size()) continue;
    return {Errc::invalid_argument,
            "key column " + std::to_string(column) + " of a statement with " +
                std::to_string(spec.columns.size()) + " columns; the first is 0: " + spec.sql};
  }
  return {};
}

}  // namespace onelane::inline v0::engine
