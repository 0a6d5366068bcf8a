#include "src/intake/survey.h"

#include <algorithm>
#include <array>
#include <utility>

#include "src/base/memory.h"
#include "src/intake/segments.h"

namespace onelane::inline v0::intake {

Result<SegmentBytes> read_segment(Folder& folder, const std::string& name, const GroupHeader& first,
                                  ReadLimit limit) {
  SegmentBytes out{.file = folder.path() + "/" + name, .uuid = first.uuid, .number = first.segment};
  auto file = folder.open(name);
  if (!file) return file.status();
  const auto size = (*file)->size();
  if (!size) return size.status();
  out.bytes.resize(static_cast<std::size_t>(std::min(*size, limit.bytes)));
  const auto read = (*file)->read(0, out.bytes);
  if (!read) return read.status();
  out.bytes.resize(*read);
  return out;
}

Survey::Survey(Folder& folder)
    : folder_(folder),
      contents_(new Contents),
      units_(contents_->classes_, contents_->statements_) {
  contents_->folder_ = &folder;
}

std::string Survey::path(const std::string& name) const { return folder_.path() + "/" + name; }

Result<std::unique_ptr<Contents>> Survey::run() {
  Status status = open_files();
  if (status.ok()) status = order_files();
  if (status.ok()) status = look_behind_bad_headers();
  if (!status.ok()) return status;
  const auto start = find_start();
  if (!start) return start.status();
  if (status = read_from(*start); !status.ok()) return status;
  for (const Files* files : {&unnamed_, &files_}) {
    for (const SegmentFile& each : *files) {
      contents_->segments_.push_back({.file = each.name, .number = each.number, .end = each.end});
    }
  }
  contents_->units_ = units_.units();
  return std::move(contents_);
}

// --- What there is.

Status Survey::open_files() {
  const auto names = folder_.list();
  if (!names) return names.status();
  for (const std::string& name : *names) {
    if (!segment_index(name)) continue;
    if (Status status = open_file(name); !status.ok()) return status;
  }
  return folder_.sync().cause;
}

Status Survey::open_file(const std::string& name) {
  auto file = folder_.open(name);
  if (!file) return file.status();
  std::array<std::byte, kHeaderBytes> head{};
  const auto read = (*file)->read(0, head);
  if (!read) return read.status();
  SegmentFile found{.name = name, .first = read_header(std::span(head).first(*read))};
  if (found.first.state == HeaderState::newer) {
    return base::worded(Errc::invalid_argument, [&] {
      return path(name) + ": written by a newer onelane, in format " +
             std::to_string(found.first.version) + "; this one reads up to " +
             std::to_string(kFormatVersion);
    });
  }
  const bool whole = found.first.state == HeaderState::whole;
  if (whole) found.number = found.first.header.segment;
  (whole ? files_ : unnamed_).push_back(std::move(found));
  return (*file)->sync().cause;
}

Status Survey::order_files() {
  std::sort(files_.begin(), files_.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const GroupHeader& header = files_[i].first.header;
    if (!contents_->uuid_) contents_->uuid_ = header.uuid;
    if (header.uuid != *contents_->uuid_) {
      return damaged(path(files_[i].name), 0,
                     "it is of the intake " + to_string(header.uuid) + ", and " + files_[0].name +
                         " of " + to_string(*contents_->uuid_));
    }
    if (i > 0 && header.segment == files_[i - 1].number) {
      return damaged(path(files_[i].name), 0, "it is the same segment as " + files_[i - 1].name);
    }
  }
  return {};
}

// A file that begins with no header is free: never used, or recycled, or its first group is torn.
// It is damaged if groups are in it that are newer than all others.
Status Survey::look_behind_bad_headers() {
  for (SegmentFile& each : unnamed_) {
    if (Status status = look_behind_bad_header(each); !status.ok()) return status;
  }
  return {};
}

Status Survey::look_behind_bad_header(SegmentFile& file) {
  const auto segment = read_segment(folder_, file.name, {});
  if (!segment) return segment.status();
  const std::span<const std::byte> bytes(segment->bytes);
  for (std::size_t at = 0; at < bytes.size(); at += kBlockBytes) {
    const FoundHeader found = read_header(bytes.subspan(at));
    if (found.state != HeaderState::whole) continue;
    if (contents_->uuid_ && found.header.uuid != *contents_->uuid_) continue;
    file.number = std::max(file.number, found.header.segment);
  }
  if (file.number > (files_.empty() ? 0 : files_.back().number)) {
    return damaged(segment->file, 0,
                   "the first group is not whole, but later ones of segment " +
                       std::to_string(file.number) + " are there");
  }
  return {};
}

// --- Which of it counts.

// The newest opening's first segment; if that is recycled already, the oldest that is left.
Result<std::size_t> Survey::find_start() const {
  for (std::size_t i = files_.size(); i-- > 0;) {
    if (!files_[i].first.header.begins) continue;
    const auto whole = first_group_is_whole(files_[i]);
    if (!whole) return whole.status();
    if (*whole) return i;
  }
  return std::size_t{0};
}

Result<bool> Survey::first_group_is_whole(const SegmentFile& file) const {
  const GroupHeader& header = file.first.header;
  const auto segment =
      read_segment(folder_, file.name, header, {.bytes = kHeaderBytes + header.payload_bytes});
  if (!segment) return segment.status();
  FoundGroup group;
  return GroupReader(*segment).next(group);
}

Status Survey::read_from(std::size_t start) {
  for (std::size_t i = start; i < files_.size(); ++i) {
    if (Status status = read_next(files_[i]); !status.ok()) return status;
  }
  return {};
}

Status Survey::read_next(SegmentFile& file) {
  const auto segment = read_segment(folder_, file.name, file.first.header);
  if (!segment) return segment.status();
  FoundGroup group;
  const bool whole = GroupReader(*segment).next(group);
  if (!whole) {
    if (Status status = check_torn(*segment); !status.ok()) return status;
  }
  // The first group of an opening that was not acknowledged: what was before still counts.
  const bool begins = file.first.header.begins;
  if (begins && !whole) {
    torn_ = &file;
    return {};
  }
  if (Status status = check_follows(file); !status.ok()) return status;
  if (!whole) {
    torn_ = &file;
    return {};
  }
  before_ = &file;
  return read_groups(*segment, file);
}

// A first group that is not whole and has later ones behind it was whole once.
Status Survey::check_torn(const SegmentBytes& segment) const {
  GroupReader groups(segment);
  FoundGroup group;
  (void)groups.next(group);
  if (!groups.later(0)) return {};
  return damaged(segment.file, 0,
                 std::string(groups.why()) + ", but later groups of the segment are there");
}

Status Survey::check_follows(const SegmentFile& file) const {
  if (torn_ != nullptr) {
    return damaged(path(torn_->name), 0, "its groups are missing, but " + file.name + " goes on");
  }
  if (before_ == nullptr) return {};
  if (file.number != before_->number + 1) return missing_before(file);
  const GroupHeader& first = file.first.header;
  if (contents_->sealed_ && !first.begins) {
    return damaged(path(file.name), 0, "it goes on behind a sealed segment");
  }
  if (first.group == contents_->last_group_ + 1 && first.previous == contents_->last_checksum_) {
    return {};
  }
  return damaged(path(before_->name), stopped_at_,
                 std::string(why_) + ", but " + file.name + " goes on after group " +
                     std::to_string(first.group - 1));
}

Status Survey::missing_before(const SegmentFile& file) const {
  const std::uint64_t number = before_->number + 1;
  for (const SegmentFile& each : unnamed_) {
    if (each.number == number) {
      return damaged(path(each.name), 0, "the header of segment " + std::to_string(number));
    }
  }
  return damaged(path(file.name), 0,
                 "segment " + std::to_string(number) + ", before it, is missing");
}

Status Survey::read_groups(const SegmentBytes& segment, SegmentFile& file) {
  GroupReader groups(segment);
  units_.begin_segment();
  Contents& out = *contents_;
  bool first = true;
  out.sealed_ = false;
  for (FoundGroup group; !out.sealed_ && groups.next(group); first = false) {
    const GroupHeader& header = group.header;
    if (!first && (header.group != out.last_group_ + 1 || header.previous != out.last_checksum_)) {
      return damaged(segment.file, group.at, "the group does not follow the one before it");
    }
    if (Status status = units_.read(segment, group, nullptr); !status.ok()) return status;
    out.last_group_ = header.group;
    out.last_checksum_ = header.checksum;
    out.sealed_ = header.sealed;
    out.bytes_ += group.end() - group.at;
    ++out.groups_;
    file.end = groups.at();
  }
  stopped_at_ = groups.at();
  why_ = out.sealed_ ? "the segment was sealed" : groups.why();
  FoundGroup group;
  if (out.sealed_ && groups.next(group)) {
    return damaged(segment.file, group.at, "a group behind the one that sealed the segment");
  }
  if (const auto later = groups.later(out.last_group_ + 1)) {
    return damaged(segment.file, stopped_at_,
                   std::string(why_) + ", but a later group is there at " + std::to_string(*later));
  }
  return {};
}

}  // namespace onelane::inline v0::intake
