#include "src/intake/intake.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "src/base/check.h"
#include "src/model/row.h"

namespace onelane::inline v0::intake {

namespace {

// A larger group would make its callers wait longer for its write than a sync takes anyway.
constexpr std::uint64_t kGroupBytesMax = std::uint64_t{1} << 20;
// What a group's memory may keep between groups: one of the largest, with its padding.
constexpr std::uint64_t kKeptBytesMax = 2 * kGroupBytesMax;
constexpr std::uint64_t kNamesShare = 4;  // a quarter of a segment
// In an opening's first group, so that they are no numbers of its own classes.
constexpr std::uint16_t kFirstNumberOfOthers = 1024;

// The statements of the unit's rows that are not yet `written`, each once.
void find_new(const Unit& unit, const std::vector<bool>& written,
              std::vector<std::uint16_t>& found) {
  found.clear();
  model::FrameReader frames(unit.rows);
  for (model::Frame frame; frames.next(frame);) {
    const std::uint16_t number = frame.statement.index;
    if (number < written.size() && written[number]) continue;
    if (std::find(found.begin(), found.end(), number) == found.end()) found.push_back(number);
  }
  ONELANE_CHECK(frames.ok(), unit.klass);
}

}  // namespace

std::uint64_t unit_bytes_max(std::uint64_t segment_bytes) {
  const std::uint64_t room = segment_bytes - segment_bytes / kNamesShare;
  const std::uint64_t overhead = kHeaderBytes + kUnitItemBytes;
  return std::min<std::uint64_t>(room < overhead ? 0 : room - overhead,
                                 std::numeric_limits<std::uint32_t>::max());
}

Intake::Intake(IntakeSetup setup, const Names& names, const Contents* left)
    : setup_(std::move(setup)), names_(names) {
  if (left == nullptr) return;
  last_group_ = left->last_group();
  last_checksum_ = left->last_checksum();
  sealed_ = left->sealed();
}

Result<std::unique_ptr<Intake>> Intake::open(IntakeSetup setup, const Names& names,
                                             const Contents* left) {
  const IntakeLimits& limits = setup.limits;
  ONELANE_CHECK(limits.segment_bytes % kBlockBytes == 0, limits.segment_bytes);
  ONELANE_CHECK(limits.segment_bytes > 0, limits.segment_bytes);
  ONELANE_CHECK(limits.most_bytes / 2 >= limits.segment_bytes, limits.most_bytes);
  std::unique_ptr<Intake> out(new Intake(std::move(setup), names, left));
  auto segments = Segments::open(*out->setup_.folder, out->setup_.limits, left);
  if (!segments) return segments.status();
  out->segments_ = std::move(*segments);
  return out;
}

// --- The pen's holder.

bool Intake::empty() const noexcept { return units_ == 0; }

std::uint64_t Intake::rest() const noexcept {
  return file_ == nullptr ? 0 : setup_.limits.segment_bytes - end_;
}

Intake::Class& Intake::known(std::uint16_t klass) {
  if (classes_.size() <= klass) classes_.resize(klass + std::size_t{1});
  return classes_[klass];
}

Status Intake::begin(std::span<const KnownClass> classes) {
  if (!take_segment()) {
    const Status ended = failure();
    return ended.ok() ? Status(Errc::storage, setup_.folder->path() + ": no room for a segment")
                      : ended;
  }
  make_room(kHeaderBytes);
  open_group();
  std::uint16_t number = kFirstNumberOfOthers;
  for (const KnownClass& each : classes) {
    put_class(
        group_,
        {.number = number++, .newest = each.newest, .applied = each.newest, .name = each.name});
    ++items_;
  }
  return write_group({});
}

Intake::Added Intake::add(const Unit& unit) {
  const Class& klass = known(unit.klass);
  ONELANE_CHECK(!klass.known || unit.position == klass.newest + 1, unit.position);
  ONELANE_CHECK(unit.position > 0 && (begins_ || !sealed_), unit.position);
  return empty() ? begin_group(unit) : add_to_group(unit);
}

Intake::Added Intake::begin_group(const Unit& unit) {
  segments_->copy_applied(applied_);
  find_new(unit, statements_, new_statements_);
  if (opening_bytes() + bytes_of(unit) > rest()) {
    if (bytes_in_new_segment(unit) > setup_.limits.segment_bytes) return Added::too_large;
    // After a failure the caller hears of it from write().
    if (!take_segment()) return failure().ok() ? Added::no_segment : Added::group_is_full;
    find_new(unit, statements_, new_statements_);
  }
  make_room(opening_bytes() + names_bytes() + bytes_of(unit));
  open_group();
  append(unit);
  return Added::yes;
}

Intake::Added Intake::add_to_group(const Unit& unit) {
  find_new(unit, statements_, new_statements_);
  const std::uint64_t bytes = group_.size() + bytes_of(unit);
  if (bytes > kGroupBytesMax || bytes > rest()) return Added::group_is_full;
  make_room(bytes);
  append(unit);
  return Added::yes;
}

// Of the header, and of what was applied since the last group.
std::uint64_t Intake::opening_bytes() const {
  std::uint64_t bytes = kHeaderBytes;
  for (std::size_t i = 0; i < classes_.size(); ++i)
    bytes += newly_applied(i) ? kAppliedItemBytes : 0;
  return bytes;
}

bool Intake::newly_applied(std::size_t klass) const {
  const Class& each = classes_[klass];
  return each.declared && klass < applied_.size() && applied_[klass] > each.recorded;
}

// Of the unit, and of the names in it that the segment does not have yet.
std::uint64_t Intake::bytes_of(const Unit& unit) const {
  std::uint64_t bytes = kUnitItemBytes + unit.rows.size();
  if (!classes_[unit.klass].declared) bytes += class_item_bytes(names_.klass(unit.klass));
  for (const std::uint16_t each : new_statements_) {
    bytes += statement_item_bytes(names_.statement(each));
  }
  return bytes;
}

// Of the names that a group begins with in a new segment.
std::uint64_t Intake::names_bytes() const {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    if (classes_[i].known) bytes += class_item_bytes(names_.klass(static_cast<std::uint16_t>(i)));
  }
  return bytes;
}

std::uint64_t Intake::bytes_in_new_segment(const Unit& unit) const {
  std::uint64_t bytes = kHeaderBytes + names_bytes() + kUnitItemBytes + unit.rows.size();
  if (!classes_[unit.klass].known) bytes += class_item_bytes(names_.klass(unit.klass));
  std::vector<std::uint16_t> all;
  find_new(unit, {}, all);
  for (const std::uint16_t each : all) bytes += statement_item_bytes(names_.statement(each));
  return bytes;
}

// All memory that a group of these bytes needs, so that nothing is half done without it.
void Intake::make_room(std::uint64_t bytes) {
  const std::uint64_t needed = padded(bytes);
  if (group_.capacity() < needed) {
    group_.reserve(static_cast<std::size_t>(std::max(needed, 2 * std::uint64_t{group_.size()})));
  }
  newest_.reserve(classes_.size());
  for (const std::uint16_t number : new_statements_) {
    if (statements_.size() <= number) statements_.resize(number + std::size_t{1});
  }
  if (room_for_classes_ == classes_.size()) return;
  segments_->make_room(classes_.size());
  room_for_classes_ = classes_.size();
}

bool Intake::take_segment() {
  File* const file = segments_->take();
  if (file == nullptr) return false;
  file_ = file;
  end_ = 0;
  seed_ = seed_of(setup_.uuid, segments_->number());
  statements_.clear();
  room_for_classes_ = 0;
  for (Class& each : classes_) each.declared = false;
  return true;
}

// Its first items: in a new segment the classes' names, else what was applied meanwhile.
void Intake::open_group() {
  group_.assign(kHeaderBytes, std::byte{});
  items_ = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    Class& each = classes_[i];
    const auto number = static_cast<std::uint16_t>(i);
    if (newly_applied(i)) {
      each.recorded = applied_[i];
      put_applied(group_, {.klass = number, .up_to = each.recorded});
      ++items_;
    } else if (each.known && !each.declared) {
      declare(number);
    }
  }
}

void Intake::declare(std::uint16_t klass) {
  Class& each = classes_[klass];
  each.declared = true;
  if (klass < applied_.size()) each.recorded = std::max(each.recorded, applied_[klass]);
  put_class(group_, {.number = klass,
                     .newest = each.newest,
                     .applied = each.recorded,
                     .name = names_.klass(klass)});
  ++items_;
}

void Intake::append(const Unit& unit) {
  Class& klass = classes_[unit.klass];
  if (!klass.known) klass.newest = unit.position - 1;  // of openings before this one
  if (!klass.declared) declare(unit.klass);
  for (const std::uint16_t number : new_statements_) {
    statements_[number] = true;
    put_statement(group_, number, names_.statement(number));
    ++items_;
  }
  put_unit(group_, unit);
  ++items_;
  ++units_;
  klass.known = true;
  klass.newest = unit.position;
  if (!std::exchange(klass.in_group, true)) newest_.push_back({.klass = unit.klass});
}

Status Intake::write() {
  if (Status ended = failure(); !ended.ok()) return ended;
  return empty() ? Status{} : write_group({});
}

// A group's bytes reach the disk before anything of the next is written: so a bad group with a good
// one behind it is damage, and never a torn write.
Status Intake::write_group(GroupHeader header) {
  header.uuid = setup_.uuid;
  header.segment = segments_->number();
  header.group = last_group_ + 1;
  header.previous = last_checksum_;
  header.items = items_;
  header.begins = begins_;
  const auto payload = std::span<const std::byte>(group_).subspan(kHeaderBytes);
  header.payload_bytes = payload.size();
  header.payload_checksum = checksum_of(payload, seed_);
  write_header(header, std::span(group_).first<kHeaderBytes>());
  const std::uint64_t bytes = group_.size();
  group_.resize(padded(bytes));
  Done done = file_->write(end_, group_);
  if (done.ok()) done = file_->sync();
  if (!done.ok()) {
    segments_->end(done.cause);
    return failure();
  }
  last_group_ = header.group;
  last_checksum_ = header.checksum;
  begins_ = false;
  sealed_ = header.sealed;
  end_ += group_.size();
  for (Applied& each : newest_) each.up_to = classes_[each.klass].newest;
  segments_->wrote({.bytes = group_.size(),
                    .padding = group_.size() - bytes,
                    .units = units_,
                    .newest = newest_});
  forget_group();
  return {};
}

void Intake::forget_group() {
  units_ = 0;
  for (const Applied& each : newest_) classes_[each.klass].in_group = false;
  newest_.clear();
  group_.clear();
  if (group_.capacity() > kKeptBytesMax) group_.shrink_to_fit();
}

// If an earlier opening's seal is still the last word, it says all that there is to say.
Status Intake::seal() {
  ONELANE_CHECK(empty(), units_);
  if (Status ended = failure(); !ended.ok()) return ended;
  if (sealed_) return {};
  segments_->copy_applied(applied_);
  if (opening_bytes() > rest() && !take_segment()) return {};
  new_statements_.clear();
  make_room(opening_bytes() + names_bytes());
  open_group();
  GroupHeader header;
  header.sealed = true;
  return write_group(header);
}

// --- The keeper, and any thread.

Result<bool> Intake::keep_spare() { return segments_->keep_spare(); }
void Intake::applied(std::span<const Applied> classes) { segments_->applied(classes); }
bool Intake::wants_spare() const { return segments_->wants_spare(); }
Position Intake::holds_up(std::uint16_t klass) const { return segments_->holds_up(klass); }
IntakeFigures Intake::figures() const { return segments_->figures(); }
Status Intake::failure() const { return segments_->failure(); }

}  // namespace onelane::inline v0::intake
