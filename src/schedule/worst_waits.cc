// onelane/plan.h: options checked as a journal checks them, and the bound of bounds.cc.
#include <algorithm>
#include <limits>
#include <string>

#include "onelane/plan.h"
#include "src/model/limits.h"
#include "src/schedule/plan.h"

namespace onelane::inline v0 {
namespace {

std::uint32_t records_of(std::uint64_t records) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(records, kMost));
}

Status wrong(const ClassOptions& options, const std::string& what) {
  return {Errc::invalid_argument, "class \"" + options.name + "\": " + what};
}

Status check(const PlannedClass& planned) {
  if (Status status = validate(planned.options); !status.ok() || !planned.waiting) return status;
  const Waiting& waiting = *planned.waiting;
  const auto check_part = [&planned](const char* name, std::uint64_t all, std::uint64_t largest) {
    if (all > 0 && largest > 0 && largest <= all) return Status();
    return wrong(planned.options, "of " + std::to_string(all) + " waiting " + name +
                                      " the largest unit has " + std::to_string(largest) +
                                      "; it must have at least 1, and no more than all of them");
  };
  if (Status status = check_part("records", waiting.records, waiting.largest_records);
      !status.ok()) {
    return status;
  }
  return check_part("bytes", waiting.bytes, waiting.largest_bytes);
}

Status check_names(std::span<const PlannedClass> classes) {
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const auto same = [&](const PlannedClass& other) {
      return other.options.name == classes[i].options.name;
    };
    if (std::any_of(classes.begin(), classes.begin() + static_cast<std::ptrdiff_t>(i), same)) {
      return wrong(classes[i].options, "there is another one of that name");
    }
  }
  return {};
}

}  // namespace

Waiting waiting_of(const PlannedClass& planned) {
  if (planned.waiting) return *planned.waiting;
  const ClassOptions& options = planned.options;
  return {.records = options.capacity_records,
          .bytes = options.capacity_bytes,
          .largest_records = 1,
          .largest_bytes = std::max<std::uint64_t>(
              1, options.capacity_bytes / std::max<std::uint64_t>(1, options.capacity_records))};
}

Result<std::vector<WorstWait>> worst_waits(const JournalOptions& journal,
                                           std::span<const PlannedClass> classes) {
  if (Status status = validate(journal); !status.ok()) return status;
  if (classes.size() > kClassesMax) {
    return Status(Errc::invalid_argument, std::to_string(classes.size()) +
                                              " classes; a journal has at most " +
                                              std::to_string(kClassesMax));
  }
  const Budget tick = model::tick_of(journal);
  std::vector<schedule::Share> shares;
  for (const PlannedClass& planned : classes) {
    if (Status status = check(planned); !status.ok()) return status;
    shares.push_back(schedule::share_of(planned.options, tick));
    if (!schedule::guarantees_fit(tick, shares)) {
      return wrong(planned.options,
                   "its guarantee (" + std::to_string(planned.options.guarantee.records) +
                       " records, " + std::to_string(planned.options.guarantee.bytes) +
                       " bytes) does not fit the tick beside those of the classes before it: the "
                       "sum of max(records / tick.records, bytes / tick.bytes) must be at most 1");
    }
  }
  if (Status status = check_names(classes); !status.ok()) return status;
  std::vector<WorstWait> out;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const Waiting waiting = waiting_of(classes[i]);
    const schedule::Unit all{.bytes = waiting.bytes, .records = records_of(waiting.records)};
    const schedule::Unit largest{.bytes = waiting.largest_bytes,
                                 .records = records_of(waiting.largest_records)};
    const std::uint64_t rivals = classes.size() - 1;
    out.push_back({.first_ticks = schedule::worst_wait_ticks(shares[i], largest, largest, rivals),
                   .last_ticks = schedule::worst_wait_ticks(shares[i], all, largest, rivals)});
  }
  return out;
}

}  // namespace onelane::inline v0
