// The write-ahead journal on the disk: groups of units, one after another, in segments of one size.
//
// Three roles, each one thread at a time, beside each other:
//   the pen's holder  add(), write(), seal()
//   the keeper        keep_spare(), applied()
//   any thread        figures(), and what is constant
//
// Group n + 1 is written only once group n is synced. The first error of a write or a sync is kept,
// and ends the intake: nothing is written or synced any more, since what is on the disk is unknown.
// No room for a spare segment is no error: there is room again later.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "onelane/status.h"
#include "src/intake/contents.h"
#include "src/intake/folder.h"
#include "src/intake/format.h"
#include "src/intake/segments.h"
#include "src/intake/unit.h"

namespace onelane::inline v0::intake {

// The largest Unit::rows that each segment has room for. A quarter of a segment is left to the
// names that a segment begins with and to the SQL of the unit's statements.
std::uint64_t unit_bytes_max(std::uint64_t segment_bytes);

// What an intake is opened on.
struct IntakeSetup {
  std::unique_ptr<Folder> folder;
  std::unique_ptr<FolderLock> lock;  // the folder's; held since before its contents were read
  Uuid uuid{};
  IntakeLimits limits{};
};

class Intake {
 public:
  // Begins a new segment, with a higher number than any in `left` (null: a new intake, in an empty
  // folder). All that `left` has is applied, and durable so, and its files are free. The folder,
  // its lock and the names are kept; the names must outlive it. No room for a segment is no error:
  // then none is free. Errors: storage.
  static Result<std::unique_ptr<Intake>> open(IntakeSetup setup, const Names& names,
                                              const Contents* left);

  const Uuid& uuid() const noexcept { return setup_.uuid; }

  // --- The pen's holder.

  // Writes the first group of this opening, which has no units: from then on the folder says whose
  // it is, and how far each class was by then, of which all is applied. Before anything else.
  // Error: storage, also where there is no room for a segment.
  struct KnownClass {
    std::string_view name;
    Position newest = 0;
  };
  Status begin(std::span<const KnownClass> classes);

  enum class Added : std::uint8_t {
    yes,
    group_is_full,  // write() first
    no_segment,     // no segment is free, and the group is empty: until keep_spare()
    too_large,      // for any segment; never a unit of unit_bytes_max() and short statements
  };
  // Puts the unit into the next group; the bytes are copied. Positions of a class follow each
  // other.
  Added add(const Unit& unit);
  bool empty() const noexcept;  // whether the next group has no unit
  // Writes the group and syncs it; ok once all of it survives a power cut. A failure is for good.
  Status write();
  // Ends the newest segment, for a clean close. Not if that needs a segment and none is free.
  // Nothing is added after it.
  Status seal();

  // --- The keeper.

  // Sees to it that one segment is free: recycles one whose units are all applied, or makes one as
  // long as most_bytes allows. True if one is free now; no room on the disk is false, as is the
  // limit. Errors: storage; they end the intake only if what is on the disk is unknown.
  Result<bool> keep_spare();
  // What became durable in the database.
  void applied(std::span<const Applied> classes);
  // Whether keep_spare() has something to do or to wait for: no segment is free.
  bool wants_spare() const;
  // Of a class: the position that has to be applied for the oldest segment in use, other than the
  // newest, to become free; 0 if there is no such segment, or it has nothing of the class.
  Position holds_up(std::uint16_t klass) const;

  // --- Any thread.
  IntakeFigures figures() const;
  // ok, or the first error.
  Status failure() const;

 private:
  // What the pen's holder knows of a class.
  struct Class {
    bool known = false;     // used in this opening
    bool declared = false;  // named in the newest segment
    bool in_group = false;  // has a unit in the next group
    Position newest = 0;
    Position recorded = 0;  // the newest applied position that was written
  };

  Intake(IntakeSetup setup, const Names& names, const Contents* left);

  Added begin_group(const Unit& unit);
  Added add_to_group(const Unit& unit);
  std::uint64_t opening_bytes() const;
  bool newly_applied(std::size_t klass) const;
  std::uint64_t bytes_of(const Unit& unit) const;
  std::uint64_t names_bytes() const;
  std::uint64_t bytes_in_new_segment(const Unit& unit) const;
  void make_room(std::uint64_t bytes);
  bool take_segment();
  void open_group();
  void declare(std::uint16_t klass);
  void append(const Unit& unit);
  Status write_group(GroupHeader header);
  void forget_group();
  Class& known(std::uint16_t klass);
  std::uint64_t rest() const noexcept;

  IntakeSetup setup_;
  const Names& names_;
  std::unique_ptr<Segments> segments_;

  // The pen's holder's.
  File* file_ = nullptr;   // the newest segment's; null before the first
  std::uint64_t end_ = 0;  // of its last group
  std::uint64_t last_group_ = 0;
  std::uint64_t last_checksum_ = 0;
  bool begins_ = true;                // no group was written yet
  bool sealed_ = false;               // the newest group, of whatever opening, is a clean close's
  std::vector<Class> classes_;        // by number
  std::vector<bool> statements_;      // by number: written in the newest segment
  std::size_t room_for_classes_ = 0;  // that segments_ was told of, for this segment
  std::vector<Position> applied_;     // by number, as of the group's beginning
  std::vector<std::uint16_t> new_statements_;  // of a unit: not yet in the newest segment
  std::vector<Applied> newest_;                // of the next group's classes
  std::vector<std::byte> group_;               // the next group, header first; empty: none
  std::uint32_t items_ = 0;
  std::uint64_t units_ = 0;
  std::uint64_t seed_ = 0;
};

}  // namespace onelane::inline v0::intake
