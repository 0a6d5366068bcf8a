#include "src/postgres/sent_on.h"

#include <algorithm>
#include <utility>

#include "src/postgres/positions_table.h"

namespace onelane::inline v0::postgres {

void SentOn::begin() {
  commands_.clear();
  corrupt_.clear();
  applied_.clear();
  failed_.reset();
}

void SentOn::record(std::size_t at, Statement statement) {
  commands_.push_back(
      {.at = at, .of = applied_.size(), .what = What::record, .statement = statement});
  applied_.emplace_back();
}

// A unit without records has nothing that could be violated.
void SentOn::check(std::size_t at) {
  if (!applied_.empty()) {
    commands_.push_back({.at = at, .of = applied_.size() - 1, .what = What::check});
  }
}

void SentOn::expectation(std::size_t at, std::string corrupt) {
  commands_.push_back({.at = at, .of = corrupt_.size(), .what = What::expectation});
  corrupt_.push_back(std::move(corrupt));
}

void SentOn::answered(const Application& record, std::size_t first_row) {
  applied_.push_back({record.changes, record.rowid, {}});
  const auto own = record.returned.begin() + static_cast<std::ptrdiff_t>(first_row);
  applied_.back().returned.assign(own, record.returned.end());
}

Reply SentOn::settle(std::span<const ResultPtr> replies, std::size_t front) {
  const std::span<const ResultPtr> ours = replies.first(std::min(front, replies.size()));
  const auto first = std::find_if_not(ours.begin(), ours.end(),
                                      [](const ResultPtr& each) { return succeeded(each.get()); });
  const auto good = static_cast<std::size_t>(first - ours.begin());
  for (const Command& each : commands_) {
    if (each.at < good && each.what == What::record) {
      applied_[each.of].changes = changes_of(replies[each.at].get());
    }
  }
  Reply failed = first == ours.end() ? Reply() : failure(good, first->get());
  commands_.clear();
  return failed;
}

Reply SentOn::failure(std::size_t at, const PGresult* result) {
  const auto command = std::find_if(commands_.begin(), commands_.end(),
                                    [at](const Command& each) { return each.at == at; });
  if (command == commands_.end()) return failure_of(result, Whose::ours);
  if (command->what == What::expectation) {
    return sqlstate_of(result) == PositionsTable::kElsewhere
               ? reply_of(Fault::corrupt, Effect::ended, corrupt_[command->of])
               : failure_of(result, Whose::ours);
  }
  failed_ = command->of;
  Reply reply = failure_of(result, Whose::a_units);
  const bool stale =
      command->what == What::record && statements_.note_stale(command->statement, result);
  if (stale) reply.fault = Fault::environment;
  return reply;
}

}  // namespace onelane::inline v0::postgres
