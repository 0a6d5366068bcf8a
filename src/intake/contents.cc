#include "src/intake/contents.h"

#include "src/base/memory.h"
#include "src/intake/group_reader.h"
#include "src/intake/survey.h"

namespace onelane::inline v0::intake {

Result<std::unique_ptr<Contents>> Contents::read(Folder& folder) {
  return base::sheltered([&] { return Survey(folder).run(); });
}

Status Contents::for_each(const std::function<Status(const FoundUnit&)>& visit) const {
  std::vector<ClassContents> classes;
  std::vector<StatementSpec> statements;
  UnitReader units(classes, statements);
  for (const Segment& each : segments_) {
    if (each.end == 0) continue;
    const auto segment =
        read_segment(*folder_, each.file, {.uuid = *uuid_, .segment = each.number});
    if (!segment) return segment.status();
    GroupReader groups(*segment);
    units.begin_segment();
    FoundGroup group;
    while (groups.at() < each.end && groups.next(group)) {
      if (Status status = units.read(*segment, group, visit); !status.ok()) return status;
    }
    if (groups.at() != each.end) return damaged(segment->file, groups.at(), groups.why());
  }
  return {};
}

}  // namespace onelane::inline v0::intake
