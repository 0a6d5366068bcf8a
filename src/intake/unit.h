// What an intake writes and gives back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "onelane/record.h"

namespace onelane::inline v0::intake {

using Uuid = std::array<std::byte, 16>;

// Random, of the system's own generator.
Uuid make_uuid();
// As "0f3a...", 32 digits.
std::string to_string(const Uuid& uuid);

// The number of a unit in its class, from 1, across openings.
using Position = std::uint64_t;

struct Unit {
  std::uint16_t klass = 0;  // as Names knows it
  bool group = false;       // several rows, all or nothing
  Position position = 0;
  // Its rows as in an entry's payload (src/model/row.h), with the numbers of their statements.
  std::span<const std::byte> rows{};
};

// What the numbers of classes and statements stand for. They stay the same while an intake is open.
class Names {
 public:
  Names() = default;
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;
  virtual ~Names() = default;
  virtual std::string_view klass(std::uint16_t number) const = 0;
  virtual const StatementSpec& statement(std::uint16_t number) const = 0;
};

// How far a class is applied in the database such that a power cut does not undo it: each unit up
// to this position.
struct Applied {
  std::uint16_t klass = 0;
  Position up_to = 0;
};

}  // namespace onelane::inline v0::intake
