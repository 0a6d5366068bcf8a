#include "onelane/options.h"

#include <string>

#include "src/model/option_fields.h"

namespace onelane::inline v0 {

namespace {

Status validate(const std::vector<Migration>& migrations) {
  std::int32_t before = 0;
  for (const Migration& each : migrations) {
    const std::string named = "migrations: version " + std::to_string(each.version);
    if (each.version <= before) {
      return {Errc::invalid_argument, named + " comes after " + std::to_string(before) +
                                          "; versions must be above 0, and ascend"};
    }
    if (each.sql.empty() && !each.step) {
      return {Errc::invalid_argument, named + " has neither SQL nor a step"};
    }
    before = each.version;
  }
  return {};
}

}  // namespace

Status validate(const JournalOptions& options) {
  if (const auto complaint = model::complaint_of(options)) {
    return {Errc::invalid_argument, complaint->message};
  }
  return validate(options.migrations);
}

Status validate(const ClassOptions& options) {
  if (Status status = model::check_class_name(options.name); !status.ok()) return status;
  if (const auto complaint = model::complaint_of(options)) {
    return {Errc::invalid_argument, "class \"" + options.name + "\": " + complaint->message};
  }
  return {};
}

}  // namespace onelane::inline v0
