// The bytes of groups: encoding and decoding, without any file. README.md has the tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "onelane/record.h"
#include "src/intake/unit.h"

namespace onelane::inline v0::intake {

// A group begins at a multiple of it, and is padded with zeros to one.
inline constexpr std::size_t kBlockBytes = 4096;
// What a disk writes whole or not at all. A group's header lies in one.
inline constexpr std::size_t kSectorBytes = 512;
inline constexpr std::uint16_t kFormatVersion = 1;

constexpr std::uint64_t padded(std::uint64_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

// What all checksums of a segment are seeded with, so that the bytes of another intake, or of the
// segment that a file was before, never pass.
std::uint64_t seed_of(const Uuid& uuid, std::uint64_t segment) noexcept;
std::uint64_t checksum_of(std::span<const std::byte> bytes, std::uint64_t seed) noexcept;

struct GroupHeader {
  Uuid uuid{};
  std::uint64_t segment = 0;
  std::uint64_t group = 0;  // from 1, over all segments
  std::uint64_t payload_bytes = 0;
  std::uint64_t payload_checksum = 0;
  std::uint64_t previous = 0;  // the checksum of the group before; 0 for the first
  std::uint32_t items = 0;
  bool begins = false;  // the first of an opening: all groups before it are applied, and not needed
  bool sealed = false;  // the last: of a clean close
  std::uint64_t checksum = 0;  // of the header; covers the payload's, and with `previous` the past
};

inline constexpr std::size_t kHeaderBytes = 80;
static_assert(kHeaderBytes <= kSectorBytes);

// Sets header.checksum.
void write_header(GroupHeader& header, std::span<std::byte, kHeaderBytes> to) noexcept;

enum class HeaderState : std::uint8_t {
  none,     // no header was ever there
  damaged,  // or torn
  newer,    // of a later format
  whole,
};

// A header as found. Only of a whole one is anything to be believed.
struct FoundHeader {
  HeaderState state = HeaderState::none;
  std::uint16_t version = 0;
  GroupHeader header{};
};
FoundHeader read_header(std::span<const std::byte> bytes) noexcept;

// --- Items, of which the payload is a sequence.

// A class's number, before its first use in a segment.
struct ClassItem {
  std::uint16_t number = 0;
  Position newest = 0;   // of the class before this item, recycled segments and openings included
  Position applied = 0;  // as Applied::up_to
  std::string_view name{};
};

// Of a unit's position: units of a class follow each other, so the rest is known.
using ShortPosition = std::uint32_t;

inline constexpr std::size_t kUnitItemBytes = 12;  // without the rows
inline constexpr std::size_t kAppliedItemBytes = 11;
std::size_t class_item_bytes(std::string_view name) noexcept;
std::size_t statement_item_bytes(const StatementSpec& spec) noexcept;

// Each appends one item. None throws if `to` has the capacity for it.
void put_class(std::vector<std::byte>& to, const ClassItem& item);
void put_statement(std::vector<std::byte>& to, std::uint16_t number, const StatementSpec& spec);
void put_applied(std::vector<std::byte>& to, const Applied& item);
void put_unit(std::vector<std::byte>& to, const Unit& unit);

enum class ItemKind : std::uint8_t { klass = 1, statement = 2, applied = 3, unit = 4 };

// One of four; what it points at lies in the payload.
struct Item {
  ItemKind kind = ItemKind::unit;
  ClassItem klass{};
  std::uint16_t statement = 0;
  StatementSpec spec{};
  Applied applied{};
  Unit unit{};  // its position as ShortPosition
};

// Reads items from untrusted bytes: never past their end.
class ItemReader {
 public:
  explicit ItemReader(std::span<const std::byte> payload) noexcept : rest_(payload) {}
  // False at the end, or at the first byte that is no item; ok() tells the two apart.
  bool next(Item& item);
  bool ok() const noexcept { return ok_; }

 private:
  template <class T>
  T take() noexcept;
  std::span<const std::byte> take_bytes(std::size_t size) noexcept;
  void take_class(Item& item);
  void take_statement(Item& item);
  void take_unit(Item& item);

  std::span<const std::byte> rest_;
  bool ok_ = true;
};

}  // namespace onelane::inline v0::intake
