// How Contents::read comes to know a folder. README.md has the rules, and why they hold.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/intake/contents.h"
#include "src/intake/format.h"
#include "src/intake/group_reader.h"

namespace onelane::inline v0::intake {

// At most this much from the beginning.
struct ReadLimit {
  std::uint64_t bytes = ~std::uint64_t{0};
};
Result<SegmentBytes> read_segment(Folder& folder, const std::string& name, const GroupHeader& first,
                                  ReadLimit limit = {});

// Used once.
class Survey {
 public:
  explicit Survey(Folder& folder);
  Result<std::unique_ptr<Contents>> run();

 private:
  struct SegmentFile {
    std::string name;
    FoundHeader first{};       // at its beginning
    std::uint64_t number = 0;  // the highest that a header in it has; 0: none
    std::uint64_t end = 0;     // of its last group that counts
  };
  using Files = std::vector<SegmentFile>;

  Status open_files();
  Status open_file(const std::string& name);
  Status order_files();
  Status look_behind_bad_headers();
  Status look_behind_bad_header(SegmentFile& file);
  Result<std::size_t> find_start() const;
  Result<bool> first_group_is_whole(const SegmentFile& file) const;
  Status read_from(std::size_t start);
  Status read_next(SegmentFile& file);
  Status check_torn(const SegmentBytes& segment) const;
  Status check_follows(const SegmentFile& file) const;
  Status read_groups(const SegmentBytes& segment, SegmentFile& file);
  Status missing_before(const SegmentFile& file) const;
  std::string path(const std::string& name) const;

  Folder& folder_;
  std::unique_ptr<Contents> contents_;
  UnitReader units_;
  Files files_;    // those that begin with a whole header, in order of their numbers,
  Files unnamed_;  // and those that do not

  // While files_ is gone through.
  const SegmentFile* before_ = nullptr;  // the segment before; null at the first
  std::uint64_t stopped_at_ = 0;         // in it, and why
  std::string_view why_;
  const SegmentFile* torn_ = nullptr;  // one whose first group is not whole: has to be the newest
};

}  // namespace onelane::inline v0::intake
