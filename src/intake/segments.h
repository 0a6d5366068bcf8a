// The segment files of an open intake: which are in use, which are free, and how one becomes free.
// What the pen's holder and the keeper share, under one mutex that nobody holds during I/O.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "onelane/status.h"
#include "src/intake/contents.h"
#include "src/intake/folder.h"
#include "src/intake/unit.h"

namespace onelane::inline v0::intake {

struct IntakeLimits {
  std::uint64_t segment_bytes = 0;  // a multiple of 4096
  std::uint64_t most_bytes = 0;     // of all segments; at least two
};

struct IntakeFigures {
  std::uint64_t segments = 0;  // files, spares included
  std::uint64_t bytes = 0;     // in segments that are not free
  std::uint64_t written = 0;   // bytes of groups, padding included, since it was opened
  std::uint64_t padding = 0;   // of these
  std::uint64_t groups = 0;
  std::uint64_t units = 0;
};

// --- Names of files.

std::string segment_name(std::uint64_t index);  // "segment-000001"
// None: the file is none of ours.
std::optional<std::uint64_t> segment_index(std::string_view name) noexcept;

// A group that was written and synced.
struct Written {
  std::uint64_t bytes = 0;
  std::uint64_t padding = 0;
  std::uint64_t units = 0;
  std::span<const Applied> newest{};  // of each class in it, its newest position
};

class Segments {
 public:
  // The folder outlives it. Takes over the files that are there: those that `left` counts on stay
  // as they are until a group was written; all are applied.
  static Result<std::unique_ptr<Segments>> open(Folder& folder, const IntakeLimits& limits,
                                                const Contents* left);

  // --- The pen's holder.

  // Takes a free segment into use as the newest. Null: none is free. The file stays until the next
  // call that takes one.
  File* take();
  std::uint64_t number() const noexcept { return number_; }  // of the newest
  // So that wrote() needs no memory.
  void make_room(std::size_t classes);
  void wrote(const Written& group);
  // Keeps the first error; nothing is to be written any more.
  void end(const Status& failure);
  // All of them, by class.
  void copy_applied(std::vector<Position>& to) const;

  // --- The keeper. As Intake's functions of these names.

  Result<bool> keep_spare();
  void applied(std::span<const Applied> classes);
  bool wants_spare() const;
  Position holds_up(std::uint16_t klass) const;

  // --- Any thread.

  IntakeFigures figures() const;
  Status failure() const;

 private:
  struct Segment {
    std::string name;
    std::unique_ptr<File> file;
    std::uint64_t bytes = 0;
    std::uint64_t number = 0;
    bool counts = true;          // false: nothing in it is needed
    std::vector<Position> last;  // by class, the newest position in it; 0: none
  };
  using SegmentPtr = std::unique_ptr<Segment>;

  Segments(Folder& folder, const IntakeLimits& limits) : folder_(folder), limits_(limits) {}

  Status adopt(const std::string& name, const Contents* left);
  bool applied_whole(const Segment& segment) const;
  SegmentPtr take_oldest();
  Result<bool> release(SegmentPtr segment);
  Result<bool> remove(SegmentPtr segment);
  void put_back(SegmentPtr segment);
  void put_free(SegmentPtr segment);
  bool may_make() const;
  Result<bool> make();

  Folder& folder_;
  const IntakeLimits limits_;
  std::uint64_t next_index_ = 1;  // the keeper's
  std::uint64_t number_ = 0;      // the pen's: the highest that was ever used

  mutable std::mutex mutex_;     // of all below
  std::deque<SegmentPtr> used_;  // in the order in which they become free; the newest last
  std::vector<SegmentPtr> free_;
  std::vector<Position> applied_;  // by class
  // The newest segment with a group that was synced. Older ones may go, this one may not: it says
  // that what they had was applied. Of what an earlier opening left it is the oldest, until this
  // one has synced a group: after a failed sync newer ones may be in the page cache alone.
  std::uint64_t newest_synced_ = 0;
  bool begun_ = false;  // a group was synced in this opening
  std::uint64_t file_bytes_ = 0;
  IntakeFigures figures_;
  Status failure_;
};

}  // namespace onelane::inline v0::intake
