// Reads the groups of one segment, and what is in them, from untrusted bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/intake/contents.h"
#include "src/intake/format.h"

namespace onelane::inline v0::intake {

// Errc::corrupt, with the place and what is wrong there.
Status damaged(const std::string& file, std::uint64_t at, std::string_view what);

// A segment as its file has it. Its first group's header named it.
struct SegmentBytes {
  std::string file;  // its path, for messages
  Uuid uuid{};
  std::uint64_t number = 0;
  std::vector<std::byte> bytes{};
};

struct FoundGroup {
  std::uint64_t at = 0;
  GroupHeader header{};
  std::span<const std::byte> payload{};

  std::uint64_t end() const noexcept { return at + padded(kHeaderBytes + payload.size()); }
};

// Goes from group to group. Which of them should be there is the caller's to check.
class GroupReader {
 public:
  explicit GroupReader(const SegmentBytes& segment) noexcept : segment_(segment) {}

  // False at the first block that is no whole group of the segment.
  bool next(FoundGroup& group) noexcept;
  // Where it stopped, and what is there.
  std::uint64_t at() const noexcept { return at_; }
  std::string_view why() const noexcept { return why_; }
  // Where behind that a header of this segment is, of `least` or a later group.
  std::optional<std::uint64_t> later(std::uint64_t least) const noexcept;

 private:
  bool stop(std::string_view why) noexcept;

  const SegmentBytes& segment_;
  std::uint64_t at_ = 0;
  std::string_view why_;
};

// The units of groups that are read one after the other, and the names that they use.
class UnitReader {
 public:
  // Both are added to, and outlive it.
  UnitReader(std::vector<ClassContents>& classes, std::vector<StatementSpec>& statements)
      : classes_(classes), statements_(statements) {}

  using Visit = std::function<Status(const FoundUnit&)>;

  // A segment says again what it needs.
  void begin_segment();
  // Errors: corrupt, and what `visit` returns.
  Status read(const SegmentBytes& segment, const FoundGroup& group, const Visit& visit);
  std::uint64_t units() const noexcept { return units_; }

 private:
  // What a number stands for, by number.
  struct Name {
    std::optional<std::uint32_t> index{};  // into the vector above
    bool declared = false;                 // in this segment
  };

  // Each gives what is wrong; empty if nothing is.
  std::string_view take(const Item& item);
  std::string_view take_class(const ClassItem& item);
  std::string_view take_statement(const Item& item);
  std::string_view take_applied(const Applied& item);
  std::string_view take_unit(const Unit& unit);
  std::string_view take_rows(const Unit& unit);
  static Name& name_of(std::vector<Name>& names, std::uint16_t number);

  std::vector<ClassContents>& classes_;
  std::vector<StatementSpec>& statements_;
  std::vector<Name> class_names_;
  std::vector<Name> statement_names_;
  std::uint64_t units_ = 0;
  FoundUnit unit_;
};

}  // namespace onelane::inline v0::intake
