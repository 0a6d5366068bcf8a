#include "src/intake/segments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "src/intake/format.h"

namespace onelane::inline v0::intake {

namespace {

constexpr std::string_view kSegmentPrefix = "segment-";
constexpr std::string_view kTemporaryPrefix = "new-segment-";
constexpr std::size_t kIndexDigits = 6;  // at least
constexpr std::size_t kZerosBytes = std::size_t{1} << 20;

std::optional<std::uint64_t> index_of(std::string_view name, std::string_view prefix) noexcept {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  const bool whole = error == std::errc{} && end == name.data() + name.size();
  return whole && name.size() >= kIndexDigits && index != std::numeric_limits<std::uint64_t>::max()
             ? std::optional(index)
             : std::nullopt;
}

Done fill_with_zeros(File& file, std::uint64_t bytes) {
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(bytes, kZerosBytes));
  for (std::uint64_t at = 0; at < bytes; at += zeros.size()) {
    const auto left = static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, zeros.size()));
    if (Done done = file.write(at, std::span(zeros).first(left)); !done.ok()) return done;
  }
  return file.sync();
}

const Contents::Segment* found_in(const Contents* left, const std::string& name) {
  if (left == nullptr) return nullptr;
  const auto& all = left->segments();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Contents::Segment& each) { return each.file == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

std::string segment_name(std::uint64_t index) {
  std::string digits = std::to_string(index);
  if (digits.size() < kIndexDigits) digits.insert(0, kIndexDigits - digits.size(), '0');
  return std::string(kSegmentPrefix) + digits;
}

std::optional<std::uint64_t> segment_index(std::string_view name) noexcept {
  return index_of(name, kSegmentPrefix);
}

// --- Opening.

Result<std::unique_ptr<Segments>> Segments::open(Folder& folder, const IntakeLimits& limits,
                                                 const Contents* left) {
  std::unique_ptr<Segments> out(new Segments(folder, limits));
  auto names = folder.list();
  if (!names) return names.status();
  for (const std::string& name : *names) {
    if (index_of(name, kTemporaryPrefix)) {
      if (Done done = folder.remove(name); !done.ok()) return done.cause;
    }
    if (!segment_index(name)) continue;
    if (Status status = out->adopt(name, left); !status.ok()) return status;
  }
  // What does not count is free first, then the oldest.
  std::stable_sort(out->used_.begin(), out->used_.end(), [](const auto& a, const auto& b) {
    return (a->counts ? a->number : 0) < (b->counts ? b->number : 0);
  });
  if (auto free = out->keep_spare(); !free) return free.status();
  return out;
}

Status Segments::adopt(const std::string& name, const Contents* left) {
  auto file = folder_.open(name);
  if (!file) return file.status();
  const auto size = (*file)->size();
  if (!size) return size.status();
  auto segment = std::make_unique<Segment>();
  segment->name = name;
  segment->file = std::move(*file);
  segment->bytes = *size;
  const Contents::Segment* const found = found_in(left, name);
  segment->number = found == nullptr ? 0 : found->number;
  segment->counts = found != nullptr && found->end > 0;
  if (segment->counts && (newest_synced_ == 0 || segment->number < newest_synced_)) {
    newest_synced_ = segment->number;
  }
  number_ = std::max(number_, segment->number);
  next_index_ = std::max(next_index_, *segment_index(name) + 1);
  file_bytes_ += *size;
  ++figures_.segments;
  used_.push_back(std::move(segment));
  return {};
}

// --- The pen's holder.

File* Segments::take() {
  const std::scoped_lock lock(mutex_);
  if (free_.empty()) return nullptr;
  used_.emplace_back();  // first: without memory for it the segment stays free
  used_.back() = std::move(free_.back());
  free_.pop_back();
  used_.back()->number = ++number_;
  return used_.back()->file.get();
}

void Segments::make_room(std::size_t classes) {
  const std::scoped_lock lock(mutex_);
  auto& last = used_.back()->last;
  if (last.size() < classes) last.resize(classes);
}

void Segments::wrote(const Written& group) {
  const std::scoped_lock lock(mutex_);
  Segment& segment = *used_.back();
  for (const Applied& each : group.newest) segment.last[each.klass] = each.up_to;
  newest_synced_ = segment.number;
  begun_ = true;
  figures_.written += group.bytes;
  figures_.padding += group.padding;
  figures_.units += group.units;
  ++figures_.groups;
}

void Segments::end(const Status& failure) {
  const std::scoped_lock lock(mutex_);
  if (failure_.ok()) failure_ = failure;
}

void Segments::copy_applied(std::vector<Position>& to) const {
  const std::scoped_lock lock(mutex_);
  to.assign(applied_.begin(), applied_.end());
}

// --- The keeper.

void Segments::applied(std::span<const Applied> classes) {
  const std::scoped_lock lock(mutex_);
  for (const Applied& each : classes) {
    if (applied_.size() <= each.klass) applied_.resize(each.klass + std::size_t{1});
    applied_[each.klass] = std::max(applied_[each.klass], each.up_to);
  }
}

bool Segments::wants_spare() const {
  const std::scoped_lock lock(mutex_);
  return failure_.ok() && free_.empty();
}

Position Segments::holds_up(std::uint16_t klass) const {
  const std::scoped_lock lock(mutex_);
  if (used_.size() < 2 || used_.front()->last.size() <= klass) return 0;
  return used_.front()->last[klass];
}

// The mutex is held.
bool Segments::applied_whole(const Segment& segment) const {
  if (!segment.counts) return true;
  if (segment.number >= newest_synced_) return false;
  for (std::size_t klass = 0; klass < segment.last.size(); ++klass) {
    const Position applied = klass < applied_.size() ? applied_[klass] : 0;
    if (segment.last[klass] > applied) return false;
  }
  return true;
}

Result<bool> Segments::keep_spare() {
  if (Status ended = failure(); !ended.ok()) return ended;
  while (wants_spare()) {
    SegmentPtr oldest = take_oldest();
    if (oldest == nullptr) return may_make() ? make() : Result<bool>(false);
    auto released = release(std::move(oldest));
    if (!released || !*released) return released;
  }
  return true;
}

// Null if nothing can be released. Only the keeper takes segments out of use, and only from the
// front, so those that are kept follow each other without a gap.
Segments::SegmentPtr Segments::take_oldest() {
  const std::scoped_lock lock(mutex_);
  if (used_.empty() || !applied_whole(*used_.front())) return nullptr;
  SegmentPtr oldest = std::move(used_.front());
  used_.pop_front();
  return oldest;
}

// Its header goes before any other byte. Else a power cut could leave the old header and half of
// the new first group, which looks like damage.
Result<bool> Segments::release(SegmentPtr segment) {
  if (segment->bytes != limits_.segment_bytes || file_bytes_ > limits_.most_bytes) {
    return remove(std::move(segment));
  }
  constexpr std::array<std::byte, kSectorBytes> kZeros{};
  Done done = segment->file->write(0, kZeros);
  const bool full = done.no_room;  // a file system that writes elsewhere than it did before
  if (done.ok()) done = segment->file->sync();
  if (done.ok()) {
    put_free(std::move(segment));
    return true;
  }
  put_back(std::move(segment));
  if (full) return false;
  end(done.cause);
  return done.cause;
}

// Of another size, or beyond the limit. Synced one by one: a power cut may bring back the last one
// only, so that no gap comes about.
Result<bool> Segments::remove(SegmentPtr segment) {
  const std::string name = segment->name;
  const std::uint64_t bytes = segment->bytes;
  Done done = folder_.remove(name);
  if (!done.ok()) {
    put_back(std::move(segment));
    return done.cause;
  }
  {
    const std::scoped_lock lock(mutex_);
    file_bytes_ -= bytes;
    --figures_.segments;
  }
  done = folder_.sync();
  if (!done.ok()) {
    end(done.cause);
    return done.cause;
  }
  return true;
}

void Segments::put_back(SegmentPtr segment) {
  const std::scoped_lock lock(mutex_);
  used_.push_front(std::move(segment));
}

void Segments::put_free(SegmentPtr segment) {
  segment->counts = true;
  segment->last.clear();
  const std::scoped_lock lock(mutex_);
  free_.push_back(std::move(segment));
}

// Before the first group there has to be a segment for it, whatever an earlier opening left.
bool Segments::may_make() const {
  const std::scoped_lock lock(mutex_);
  return !begun_ || file_bytes_ + limits_.segment_bytes <= limits_.most_bytes;
}

// A file under its name is whole, so that the first write to it needs no room and no metadata.
Result<bool> Segments::make() {
  auto segment = std::make_unique<Segment>();
  segment->name = segment_name(next_index_);
  segment->bytes = limits_.segment_bytes;
  const std::string temporary = "new-" + segment->name;
  auto made = folder_.create(temporary);
  if (!made) return made.status();
  segment->file = std::move(*made);
  std::string name = temporary;
  Done done = fill_with_zeros(*segment->file, segment->bytes);
  if (done.ok()) done = folder_.rename(temporary, segment->name);
  if (done.ok()) {
    name = segment->name;
    done = folder_.sync();
  }
  if (!done.ok()) {
    (void)folder_.remove(name);  // if it stays, the next opening finds it
    return done.no_room ? Result<bool>(false) : Result<bool>(done.cause);
  }
  ++next_index_;
  {
    const std::scoped_lock lock(mutex_);
    file_bytes_ += segment->bytes;
    ++figures_.segments;
  }
  put_free(std::move(segment));
  return true;
}

// --- Any thread.

IntakeFigures Segments::figures() const {
  const std::scoped_lock lock(mutex_);
  IntakeFigures out = figures_;
  for (const auto& each : used_) out.bytes += applied_whole(*each) ? 0 : each->bytes;
  return out;
}

Status Segments::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

}  // namespace onelane::inline v0::intake
