// Text that a UTF-16 database cannot keep as it is.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace onelane::inline v0::sqlite {

// Whether SQLite's way to UTF-16 and back gives the same bytes: valid UTF-8, without U+FFFE and
// U+FFFF, which it replaces (READ_UTF8 in its utf.c).
bool survives_utf16(std::string_view text) noexcept;

// The first column of the row, from 1, whose text does not.
std::optional<int> find_inconvertible_text(std::span<const std::byte> row) noexcept;

}  // namespace onelane::inline v0::sqlite
