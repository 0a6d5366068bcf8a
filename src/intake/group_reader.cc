#include "src/intake/group_reader.h"

#include <algorithm>

#include "src/base/memory.h"
#include "src/model/row.h"

namespace onelane::inline v0::intake {

namespace {

constexpr std::size_t kStatementIndexMax = 0xffff;  // a frame's header has two bytes for it

bool same(const StatementSpec& one, const StatementSpec& other) {
  return one.sql == other.sql && one.columns == other.columns &&
         one.key_columns == other.key_columns;
}

}  // namespace

Status damaged(const std::string& file, std::uint64_t at, std::string_view what) {
  return base::worded(Errc::corrupt, [&] {
    return file + ": damaged at offset " + std::to_string(at) + ": " + std::string(what);
  });
}

// --- Groups.

bool GroupReader::next(FoundGroup& group) noexcept {
  const auto rest = std::span(segment_.bytes).subspan(static_cast<std::size_t>(at_));
  if (rest.size() < kHeaderBytes) return stop("the file ends");
  const FoundHeader found = read_header(rest);
  if (found.state == HeaderState::none) return stop("there is no group");
  if (found.state != HeaderState::whole) return stop("the header's checksum is wrong");
  const GroupHeader& header = found.header;
  if (header.uuid != segment_.uuid) return stop("the group is another intake's");
  if (header.segment != segment_.number) return stop("the group is another segment's");
  const auto behind = rest.subspan(kHeaderBytes);
  if (header.payload_bytes > behind.size()) return stop("the file ends within the group");
  const auto payload = behind.first(static_cast<std::size_t>(header.payload_bytes));
  if (checksum_of(payload, seed_of(header.uuid, header.segment)) != header.payload_checksum) {
    return stop("the payload's checksum is wrong");
  }
  group = {.at = at_, .header = header, .payload = payload};
  at_ = std::min<std::uint64_t>(group.end(), segment_.bytes.size());
  return true;
}

bool GroupReader::stop(std::string_view why) noexcept {
  why_ = why;
  return false;
}

std::optional<std::uint64_t> GroupReader::later(std::uint64_t least) const noexcept {
  for (std::uint64_t at = at_ + kBlockBytes; at < segment_.bytes.size(); at += kBlockBytes) {
    const auto found = read_header(std::span(segment_.bytes).subspan(static_cast<std::size_t>(at)));
    if (found.state == HeaderState::whole && found.header.uuid == segment_.uuid &&
        found.header.segment == segment_.number && found.header.group >= least) {
      return at;
    }
  }
  return std::nullopt;
}

// --- Units.

UnitReader::Name& UnitReader::name_of(std::vector<Name>& names, std::uint16_t number) {
  if (names.size() <= number) names.resize(number + std::size_t{1});
  return names[number];
}

void UnitReader::begin_segment() {
  for (Name& each : class_names_) each.declared = false;
  for (Name& each : statement_names_) each.declared = false;
}

Status UnitReader::read(const SegmentBytes& segment, const FoundGroup& group, const Visit& visit) {
  ItemReader items(group.payload);
  std::uint32_t count = 0;
  for (Item item; items.next(item); ++count) {
    const std::string_view wrong = take(item);
    if (!wrong.empty()) return damaged(segment.file, group.at, wrong);
    if (item.kind != ItemKind::unit || !visit) continue;
    if (Status status = visit(unit_); !status.ok()) return status;
  }
  if (!items.ok() || count != group.header.items) {
    return damaged(segment.file, group.at, "its items cannot be read");
  }
  return {};
}

std::string_view UnitReader::take(const Item& item) {
  switch (item.kind) {
    case ItemKind::klass:
      return take_class(item.klass);
    case ItemKind::statement:
      return take_statement(item);
    case ItemKind::applied:
      return take_applied(item.applied);
    case ItemKind::unit:
      return take_unit(item.unit);
  }
  return "an item of an unknown kind";
}

std::string_view UnitReader::take_class(const ClassItem& item) {
  Name& name = name_of(class_names_, item.number);
  name.declared = true;
  if (!name.index) {
    name.index = static_cast<std::uint32_t>(classes_.size());
    classes_.push_back({.name = std::string(item.name), .newest = item.newest});
  }
  ClassContents& klass = classes_[*name.index];
  if (klass.name != item.name) return "a class's number has two names";
  if (klass.newest != item.newest) return "a class does not go on where it ended";
  klass.applied = std::max(klass.applied, item.applied);
  return {};
}

std::string_view UnitReader::take_statement(const Item& item) {
  Name& name = name_of(statement_names_, item.statement);
  name.declared = true;
  if (name.index) {
    return same(statements_[*name.index], item.spec) ? "" : "a statement's number has two meanings";
  }
  if (statements_.size() > kStatementIndexMax) return "too many statements";
  name.index = static_cast<std::uint32_t>(statements_.size());
  statements_.push_back(item.spec);
  return {};
}

std::string_view UnitReader::take_applied(const Applied& item) {
  const Name& name = name_of(class_names_, item.klass);
  if (!name.declared) return "a class without a name was applied";
  Position& applied = classes_[*name.index].applied;
  applied = std::max(applied, item.up_to);
  return {};
}

std::string_view UnitReader::take_unit(const Unit& unit) {
  const Name& name = name_of(class_names_, unit.klass);
  if (!name.declared) return "a unit's class has no name";
  ClassContents& klass = classes_[*name.index];
  const Position position = klass.newest + 1;
  if (position == 0 || unit.position != static_cast<ShortPosition>(position)) {
    return "a unit does not follow the one before it in its class";
  }
  klass.newest = klass.last = position;
  if (klass.first == 0) klass.first = position;
  unit_.klass = *name.index;
  unit_.group = unit.group;
  unit_.position = position;
  ++units_;
  return take_rows(unit);
}

// The rows, with the numbers that their statements have in `statements_`.
std::string_view UnitReader::take_rows(const Unit& unit) {
  unit_.rows.assign(unit.rows.begin(), unit.rows.end());
  model::FrameReader frames(unit.rows);
  std::size_t at = 0;
  for (model::Frame frame; frames.next(frame);) {
    const Name& name = name_of(statement_names_, frame.statement.index);
    if (!name.declared) return "a row's statement has no text";
    frame.statement.index = static_cast<std::uint16_t>(*name.index);
    model::write_frame_header(unit_.rows.data() + at, frame.statement, frame.row.size());
    at += model::kFrameHeaderBytes + frame.row.size();
  }
  return frames.ok() ? "" : "a unit's rows cannot be read";
}

}  // namespace onelane::inline v0::intake
