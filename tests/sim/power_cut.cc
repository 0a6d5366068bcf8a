#include "tests/sim/power_cut.h"

#include <algorithm>

namespace onelane::test {

namespace {

constexpr std::size_t kSector = 512;
constexpr std::size_t kBlock = 4096;  // what a device without powersafe overwrite rewrites whole

}  // namespace

PowerCut::PowerCut(const Disk& disk) : log_(disk.log()) {
  for (const auto& [name, bytes] : disk.start()) {
    entries_[name] = static_cast<std::uint32_t>(files_.size());
    files_.push_back({bytes, {}});
  }
}

void PowerCut::advance_to(std::size_t event) {
  for (; position_ < event; ++position_) take(position_);
}

void PowerCut::take(std::size_t index) {
  const DiskEvent& event = log_.events()[index];
  switch (event.deed) {
    case Deed::create:
      files_.resize(std::max<std::size_t>(files_.size(), event.file + 1));
      pending_entries_.push_back(index);
      return;
    case Deed::remove:
    case Deed::rename:
      pending_entries_.push_back(index);
      return;
    case Deed::sync_directory: {
      const auto end = std::lower_bound(pending_entries_.begin(), pending_entries_.end(), event.at);
      for (auto each = pending_entries_.begin(); each != end; ++each) apply_entry(entries_, *each);
      pending_entries_.erase(pending_entries_.begin(), end);
      return;
    }
    case Deed::write:
    case Deed::truncate:
      files_[event.file].pending.push_back(index);
      return;
    case Deed::sync:
      return settle(files_[event.file], event.at, true);
    case Deed::failed_sync:
      return settle(files_[event.file], event.at, false);
    case Deed::note:
      return;
  }
}

// A failed sync has written every other of the writes that it covered, and the rest is lost.
void PowerCut::settle(FileState& file, std::size_t covered, bool all) {
  const auto end = std::lower_bound(file.pending.begin(), file.pending.end(), covered);
  for (auto each = file.pending.begin(); each != end; ++each) {
    if (all || *each % 2 == 0) apply_whole(file.durable, *each);
  }
  file.pending.erase(file.pending.begin(), end);
}

void PowerCut::apply_whole(std::vector<std::byte>& content, std::size_t event) const {
  apply(content, {event, 0, log_.events()[event].size});
}

void PowerCut::apply(std::vector<std::byte>& content, const Piece& piece) const {
  const DiskEvent& event = log_.events()[piece.event];
  if (event.deed == Deed::truncate) return content.resize(event.at);
  const auto bytes = log_.bytes_of(event).subspan(piece.first, piece.size);
  const std::size_t at = event.at + piece.first;
  content.resize(std::max(content.size(), at + bytes.size()));
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(at));
}

void PowerCut::apply_entry(std::map<std::string, std::uint32_t>& entries, std::size_t index) const {
  const DiskEvent& event = log_.events()[index];
  if (event.deed == Deed::create) {
    entries[log_.name_of(event)] = event.file;
    return;
  }
  entries.erase(log_.name_of(event));
  if (event.deed == Deed::rename) entries[log_.new_name_of(event)] = event.file;
}

Image PowerCut::image(CrashKind kind, Random& random) const {
  Image out;
  for (const auto& [name, number] : directory(kind, random)) {
    const FileState& file = files_[number];
    std::vector<std::byte>& content = out[name] = file.durable;
    if (kind == CrashKind::damaged) damage(content, file, random);
    for (const Piece& piece : survivors(file, kind, random)) apply(content, piece);
  }
  return out;
}

std::map<std::string, std::uint32_t> PowerCut::directory(CrashKind kind, Random& random) const {
  std::map<std::string, std::uint32_t> out = entries_;
  if (kind == CrashKind::none) return out;
  std::size_t count = pending_entries_.size();
  if (kind == CrashKind::prefix) count = below(random, count + 1);
  const bool some = kind != CrashKind::all && kind != CrashKind::prefix;
  for (std::size_t i = 0; i < count; ++i) {
    if (!some || chance(random, 50)) apply_entry(out, pending_entries_[i]);
  }
  return out;
}

PowerCut::Pieces PowerCut::survivors(const FileState& file, CrashKind kind, Random& random) const {
  Pieces out;
  if (kind == CrashKind::none || file.pending.empty()) return out;
  const std::size_t kept = kind == CrashKind::all ? 100 : 10 + 40 * below(random, 3);
  std::size_t count = file.pending.size();
  if (kind == CrashKind::prefix) count = below(random, count + 1);
  const bool whole = kind == CrashKind::subset || kind == CrashKind::all;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t event = file.pending[i];
    const bool tears = !whole && (kind != CrashKind::prefix || i + 1 == count);
    const Pieces pieces = tears ? sectors(event) : Pieces{{event, 0, log_.events()[event].size}};
    for (const Piece& piece : pieces) {
      if ((kind == CrashKind::prefix && !tears) || chance(random, kept)) out.push_back(piece);
    }
  }
  if (kind == CrashKind::shuffled) std::shuffle(out.begin(), out.end(), random);
  return out;
}

// A write as what reaches the disk whole or not at all.
PowerCut::Pieces PowerCut::sectors(std::size_t index) const {
  const DiskEvent& event = log_.events()[index];
  if (event.deed == Deed::truncate) return {{index, 0, 0}};
  Pieces out;
  for (std::size_t first = 0; first < event.size;) {
    const std::size_t size = std::min(kSector - (event.at + first) % kSector, event.size - first);
    out.push_back({index, first, size});
    first += size;
  }
  return out;
}

void PowerCut::damage(std::vector<std::byte>& content, const FileState& file,
                      Random& random) const {
  for (const std::size_t index : file.pending) {
    const DiskEvent& event = log_.events()[index];
    if (event.deed != Deed::write || !chance(random, 50)) continue;
    const std::size_t end = (event.at + event.size + kBlock - 1) / kBlock * kBlock;
    for (std::size_t at = event.at / kBlock * kBlock; at < std::min(end, content.size()); ++at) {
      content[at] = static_cast<std::byte>(random());
    }
  }
}

}  // namespace onelane::test
