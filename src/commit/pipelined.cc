#include "src/commit/pipelined.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <new>
#include <utility>

#include "src/base/check.h"
#include "src/commit/committer.h"

namespace onelane::inline v0::commit {

void keep_returned(detail::Entry& entry, std::vector<ReturnedRow>& returned) {
  if (returned.empty()) {
    entry.returned.reset();
    return;
  }
  entry.returned = std::make_unique<detail::Returned>(
      std::make_shared<const std::vector<ReturnedRow>>(std::exchange(returned, {})));
}

void Pipelined::applied(Work& unit) {
  if (calls_ != nullptr) sent_.push_back({&unit, unit.entry});
}

Work* Pipelined::failed() const noexcept {
  const auto record = calls_ == nullptr ? std::nullopt : calls_->failed_record();
  if (!record) return nullptr;
  ONELANE_CHECK(*record < sent_.size(), *record);
  return sent_[*record].unit;
}

bool Pipelined::counts(const Sent& sent) const noexcept {
  return sent.unit->entry == sent.entry && sent.unit->verdict == Verdict::applied;
}

void Pipelined::settle() noexcept {
  if (calls_ == nullptr) return;
  const std::span<AppliedRecord> told = calls_->applied();
  ONELANE_CHECK(told.size() == sent_.size(), told.size());
  std::vector<ReturnedRow> returned;
  for (std::size_t i = 0, next = 0; i < sent_.size(); i = next) {
    detail::Entry& entry = *sent_[i].unit->entry;
    std::uint64_t changes = 0;
    std::optional<std::int64_t> rowid;
    for (; next < sent_.size() && sent_[next].entry == sent_[i].entry; ++next) {
      changes += told[next].changes;
      if (told[next].rowid) rowid = told[next].rowid;
    }
    if (!counts(sent_[i])) continue;
    try {
      returned.clear();
      for (AppliedRecord& each : told.subspan(i, next - i)) {
        std::move(each.returned.begin(), each.returned.end(), std::back_inserter(returned));
      }
      keep_returned(entry, returned);
    } catch (const std::bad_alloc&) {
      entry.returned.reset();
    }
    entry.changes = changes;
    entry.rowid = rowid;
  }
}

}  // namespace onelane::inline v0::commit
