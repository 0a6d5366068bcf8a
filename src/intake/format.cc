#include "src/intake/format.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "src/base/bytes.h"
#include "src/base/checksum.h"
#include "src/model/row.h"  // that this machine is little-endian, as the format is

namespace onelane::inline v0::intake {

namespace {

constexpr std::array<char, 8> kMagic = {'o', 'n', 'e', 'l', 'a', 'n', 'e', 'g'};

// Where the fields of a header are.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kFlagsAt = 10;
constexpr std::size_t kItemsAt = 12;
constexpr std::size_t kChecksumAt = 16;
constexpr std::size_t kUuidAt = 24;
constexpr std::size_t kSegmentAt = 40;
constexpr std::size_t kGroupAt = 48;
constexpr std::size_t kPayloadBytesAt = 56;
constexpr std::size_t kPayloadChecksumAt = 64;
constexpr std::size_t kPreviousAt = 72;

constexpr std::uint16_t kBegins = 1;
constexpr std::uint16_t kSealed = 2;

constexpr std::uint8_t kNullable = 0x80;  // in a column's byte, beside its type
constexpr std::uint8_t kGroup = 1;        // in a unit's flags

using base::load;
using base::store;
using Header = std::array<std::byte, kHeaderBytes>;

template <class T>
void append(std::vector<std::byte>& to, T value) {
  const std::size_t at = to.size();
  to.resize(at + sizeof value);
  store(to, at, value);
}

void append_bytes(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_text(std::vector<std::byte>& to, std::string_view text) {
  append_bytes(to, std::as_bytes(std::span(text)));
}

void append_kind(std::vector<std::byte>& to, ItemKind kind) {
  to.push_back(static_cast<std::byte>(kind));
}

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint64_t header_checksum(const Header& header) noexcept {
  Header plain = header;
  store(plain, kChecksumAt, std::uint64_t{0});
  Uuid uuid;
  std::memcpy(uuid.data(), header.data() + kUuidAt, uuid.size());
  return checksum_of(plain, seed_of(uuid, load<std::uint64_t>(header, kSegmentAt)));
}

}  // namespace

std::uint64_t checksum_of(std::span<const std::byte> bytes, std::uint64_t seed) noexcept {
  return base::checksum_of(bytes, seed);
}

std::uint64_t seed_of(const Uuid& uuid, std::uint64_t segment) noexcept {
  return checksum_of(uuid, segment);
}

void write_header(GroupHeader& header, std::span<std::byte, kHeaderBytes> to) noexcept {
  Header out{};
  std::memcpy(out.data(), kMagic.data(), kMagic.size());
  store(out, kVersionAt, kFormatVersion);
  store(out, kFlagsAt,
        static_cast<std::uint16_t>((header.begins ? kBegins : 0) | (header.sealed ? kSealed : 0)));
  std::memcpy(out.data() + kUuidAt, header.uuid.data(), header.uuid.size());
  store(out, kSegmentAt, header.segment);
  store(out, kGroupAt, header.group);
  store(out, kPayloadBytesAt, header.payload_bytes);
  store(out, kPayloadChecksumAt, header.payload_checksum);
  store(out, kPreviousAt, header.previous);
  store(out, kItemsAt, header.items);
  header.checksum = header_checksum(out);
  store(out, kChecksumAt, header.checksum);
  std::copy(out.begin(), out.end(), to.begin());
}

FoundHeader read_header(std::span<const std::byte> bytes) noexcept {
  FoundHeader found;
  Header in;
  if (bytes.size() < in.size()) return found;
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    const auto head = bytes.first(in.size());
    const bool empty =
        std::all_of(head.begin(), head.end(), [](auto b) { return b == std::byte{}; });
    found.state = empty ? HeaderState::none : HeaderState::damaged;
    return found;
  }
  std::copy_n(bytes.begin(), in.size(), in.begin());
  found.version = load<std::uint16_t>(in, kVersionAt);
  found.state = found.version > kFormatVersion ? HeaderState::newer : HeaderState::damaged;
  GroupHeader& header = found.header;
  header.checksum = load<std::uint64_t>(in, kChecksumAt);
  if (found.version != kFormatVersion || header.checksum != header_checksum(in)) return found;
  found.state = HeaderState::whole;
  const auto flags = load<std::uint16_t>(in, kFlagsAt);
  header.begins = (flags & kBegins) != 0;
  header.sealed = (flags & kSealed) != 0;
  std::memcpy(header.uuid.data(), in.data() + kUuidAt, header.uuid.size());
  header.segment = load<std::uint64_t>(in, kSegmentAt);
  header.group = load<std::uint64_t>(in, kGroupAt);
  header.payload_bytes = load<std::uint64_t>(in, kPayloadBytesAt);
  header.payload_checksum = load<std::uint64_t>(in, kPayloadChecksumAt);
  header.previous = load<std::uint64_t>(in, kPreviousAt);
  header.items = load<std::uint32_t>(in, kItemsAt);
  return found;
}

// --- Items.

std::size_t class_item_bytes(std::string_view name) noexcept {
  return 1 + sizeof(std::uint16_t) + 2 * sizeof(Position) + sizeof(std::uint16_t) + name.size();
}

std::size_t statement_item_bytes(const StatementSpec& spec) noexcept {
  return 1 + sizeof(std::uint16_t) + sizeof(std::uint32_t) + spec.sql.size() +
         sizeof(std::uint16_t) + spec.columns.size() + sizeof(std::uint16_t) +
         spec.key_columns.size() * sizeof(std::uint16_t);
}

void put_class(std::vector<std::byte>& to, const ClassItem& item) {
  append_kind(to, ItemKind::klass);
  append(to, item.number);
  append(to, item.newest);
  append(to, item.applied);
  append(to, static_cast<std::uint16_t>(item.name.size()));
  append_text(to, item.name);
}

void put_statement(std::vector<std::byte>& to, std::uint16_t number, const StatementSpec& spec) {
  append_kind(to, ItemKind::statement);
  append(to, number);
  append(to, static_cast<std::uint32_t>(spec.sql.size()));
  append_text(to, spec.sql);
  append(to, static_cast<std::uint16_t>(spec.columns.size()));
  for (const Column& each : spec.columns) {
    const auto type = static_cast<std::uint8_t>(each.type);
    append(to, static_cast<std::uint8_t>(each.nullable ? type | kNullable : type));
  }
  append(to, static_cast<std::uint16_t>(spec.key_columns.size()));
  for (const std::uint16_t each : spec.key_columns) append(to, each);
}

void put_applied(std::vector<std::byte>& to, const Applied& item) {
  append_kind(to, ItemKind::applied);
  append(to, item.klass);
  append(to, item.up_to);
}

void put_unit(std::vector<std::byte>& to, const Unit& unit) {
  append_kind(to, ItemKind::unit);
  append(to, unit.group ? kGroup : std::uint8_t{0});
  append(to, unit.klass);
  append(to, static_cast<ShortPosition>(unit.position));
  append(to, static_cast<std::uint32_t>(unit.rows.size()));
  append_bytes(to, unit.rows);
}

template <class T>
T ItemReader::take() noexcept {
  const auto bytes = take_bytes(sizeof(T));
  return ok_ ? load<T>(bytes, 0) : T{};
}

// Empty, and no longer ok, if there are fewer.
std::span<const std::byte> ItemReader::take_bytes(std::size_t size) noexcept {
  ok_ = ok_ && size <= rest_.size();
  if (!ok_) return {};
  const auto taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

bool ItemReader::next(Item& item) {
  if (!ok_ || rest_.empty()) return false;
  item.kind = static_cast<ItemKind>(rest_.front());
  switch (item.kind) {
    case ItemKind::klass:
      take_class(item);
      return ok_;
    case ItemKind::statement:
      take_statement(item);
      return ok_;
    case ItemKind::applied:
      (void)take<std::uint8_t>();
      item.applied.klass = take<std::uint16_t>();
      item.applied.up_to = take<Position>();
      return ok_;
    case ItemKind::unit:
      take_unit(item);
      return ok_;
  }
  return ok_ = false;
}

void ItemReader::take_class(Item& item) {
  (void)take<std::uint8_t>();
  item.klass.number = take<std::uint16_t>();
  item.klass.newest = take<Position>();
  item.klass.applied = take<Position>();
  item.klass.name = text_of(take_bytes(take<std::uint16_t>()));
}

void ItemReader::take_statement(Item& item) {
  (void)take<std::uint8_t>();
  item.statement = take<std::uint16_t>();
  item.spec = {};
  item.spec.sql = text_of(take_bytes(take<std::uint32_t>()));
  for (const std::byte each : take_bytes(take<std::uint16_t>())) {
    const auto type = std::to_integer<std::uint8_t>(each) & ~unsigned{kNullable};
    ok_ = ok_ && type <= static_cast<unsigned>(ColumnType::blob);
    item.spec.columns.push_back({.type = static_cast<ColumnType>(type),
                                 .nullable = (each & std::byte{kNullable}) != std::byte{}});
  }
  const auto keys = take<std::uint16_t>();
  for (std::uint16_t i = 0; i < keys && ok_; ++i) {
    item.spec.key_columns.push_back(take<std::uint16_t>());
    ok_ = ok_ && item.spec.key_columns.back() < item.spec.columns.size();
  }
}

void ItemReader::take_unit(Item& item) {
  (void)take<std::uint8_t>();
  const auto flags = take<std::uint8_t>();
  item.unit.group = flags == kGroup;
  item.unit.klass = take<std::uint16_t>();
  item.unit.position = take<ShortPosition>();
  item.unit.rows = take_bytes(take<std::uint32_t>());
  ok_ = ok_ && flags <= kGroup;
}

}  // namespace onelane::inline v0::intake
