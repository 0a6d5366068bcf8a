// Reads what an intake left on the disk, and says whether it is whole. Bytes are not trusted: what
// is no group of this intake, in its place, is a torn tail or damage.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onelane/record.h"
#include "onelane/status.h"
#include "src/intake/folder.h"
#include "src/intake/unit.h"

namespace onelane::inline v0::intake {

class Survey;

// Of one class, over all segments that are kept.
struct ClassContents {
  std::string name;
  Position first = 0;  // the oldest and the newest unit that is kept; 0 if there is none
  Position last = 0;
  // The newest that the intake ever wrote since it was opened, kept or not: a class that is not
  // applied up to here and has no units left has lost some.
  Position newest = 0;
  Position applied = 0;  // the newest position that the intake knew to be durable in the database
};

// A unit as it was found. Its class and its statements are numbers of `Found`.
struct FoundUnit {
  std::uint32_t klass = 0;  // an index into Contents::classes()
  bool group = false;
  Position position = 0;
  // Rows as in Unit::rows, but each row's statement is an index into Contents::statements().
  std::vector<std::byte> rows;
};

class Contents {
 public:
  // Syncs the files and the folder first: what a killed process wrote and never synced would
  // otherwise be read from the page cache, and lost by a later power cut. Then reads every segment
  // once, and verifies it; memory is bounded by one segment and by the names.
  // Errors:
  //   corrupt           damage, with the file, the offset and what is wrong; nothing was changed
  //   invalid_argument  a newer format, with both numbers
  //   storage
  // A folder without any segment has no uuid().
  static Result<std::unique_ptr<Contents>> read(Folder& folder);

  const std::optional<Uuid>& uuid() const noexcept { return uuid_; }
  bool sealed() const noexcept { return sealed_; }  // the newest segment was ended by a clean close
  const std::vector<ClassContents>& classes() const noexcept { return classes_; }
  const std::vector<StatementSpec>& statements() const noexcept { return statements_; }
  std::uint64_t groups() const noexcept { return groups_; }  // that are kept
  std::uint64_t units() const noexcept { return units_; }
  std::uint64_t bytes() const noexcept { return bytes_; }  // of these groups

  // Reads the units again, in the order of their groups. Ends at the first that `visit` returns a
  // failure for, and passes that on. Errors besides: storage, corrupt.
  Status for_each(const std::function<Status(const FoundUnit&)>& visit) const;

  // --- Where an intake goes on (intake.h).
  struct Segment {
    std::string file;
    std::uint64_t number = 0;  // the highest that any group in it has; 0: none
    std::uint64_t end = 0;     // of its last group; 0: nothing in it counts
  };
  // All that are there. Those that count are in the order of their numbers, without a gap.
  const std::vector<Segment>& segments() const noexcept { return segments_; }
  std::uint64_t last_group() const noexcept { return last_group_; }
  std::uint64_t last_checksum() const noexcept { return last_checksum_; }

 private:
  Contents() = default;
  friend class Survey;

  Folder* folder_ = nullptr;  // outlives it
  std::optional<Uuid> uuid_;
  bool sealed_ = false;
  std::vector<ClassContents> classes_;
  std::vector<StatementSpec> statements_;
  std::uint64_t groups_ = 0;
  std::uint64_t units_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<Segment> segments_;
  std::uint64_t last_group_ = 0;
  std::uint64_t last_checksum_ = 0;
};

}  // namespace onelane::inline v0::intake
