#include "src/sqlite/sink/text.h"

#include <cstdint>

#include "src/model/row.h"

namespace onelane::inline v0::sqlite {

namespace {

struct TextChecker {
  int column = 0;
  std::optional<int> bad{};

  void null() noexcept { ++column; }
  void integer(std::int64_t) noexcept { ++column; }
  void real(double) noexcept { ++column; }
  void text(const char* data, std::size_t size) noexcept {
    ++column;
    if (!bad && !survives_utf16({data, size})) bad = column;
  }
  void blob(const std::byte*, std::size_t) noexcept { ++column; }
};

// How many bytes follow a first byte; -1 if none can.
int continuation_bytes(unsigned char first) noexcept {
  if (first < 0x80) return 0;
  if (first >= 0xc2 && first < 0xe0) return 1;
  if (first >= 0xe0 && first < 0xf0) return 2;
  return first >= 0xf0 && first < 0xf5 ? 3 : -1;
}

bool is_kept(std::uint32_t point, int more) noexcept {
  constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};  // of that length
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  return point >= kLeast[more] && point <= 0x10ffff && !surrogate && point != 0xfffe &&
         point != 0xffff;
}

}  // namespace

bool survives_utf16(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at++]);
    const int more = continuation_bytes(first);
    if (more < 0 || text.size() - at < static_cast<std::size_t>(more)) return false;
    std::uint32_t point = more == 0 ? first : first & (0x3fU >> more);
    for (int i = 0; i < more; ++i) {
      const auto next = static_cast<unsigned char>(text[at++]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3fU);
    }
    if (!is_kept(point, more)) return false;
  }
  return true;
}

std::optional<int> find_inconvertible_text(std::span<const std::byte> row) noexcept {
  TextChecker checker;
  return model::read_row(row, checker) ? checker.bad : std::nullopt;
}

}  // namespace onelane::inline v0::sqlite
