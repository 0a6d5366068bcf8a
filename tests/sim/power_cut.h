// What a power cut may leave on a disk: all that was synced; and of the rest, what a device may
// have written that writes sectors of 512 bytes whole, in any order.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/sim/disk.h"

namespace onelane::test {

// Of what was not synced.
enum class CrashKind : std::uint8_t {
  none,
  all,
  prefix,    // up to some write, and that one torn
  subset,    // some of the writes, in their order
  torn,      // some of the sectors, in their order
  shuffled,  // some of the sectors, in any order: an old one may win over a new one
  damaged,   // as torn, and a write in flight ruins the rest of its block; no powersafe device
};
inline constexpr std::size_t kCrashKindCount = 7;

using Random = std::mt19937_64;

inline std::size_t below(Random& random, std::size_t bound) { return random() % bound; }
inline bool chance(Random& random, std::size_t percent) { return below(random, 100) < percent; }

class PowerCut {
 public:
  // The disk outlives it, and is written no more.
  explicit PowerCut(const Disk& disk);

  // Goes on to just before this event. Never back.
  void advance_to(std::size_t event);
  Image image(CrashKind kind, Random& random) const;

 private:
  struct FileState {
    std::vector<std::byte> durable;
    std::vector<std::size_t> pending;  // events that are not synced
  };
  struct Piece {
    std::size_t event;
    std::size_t first;  // within the event's bytes
    std::size_t size;
  };
  using Pieces = std::vector<Piece>;

  void take(std::size_t event);
  void settle(FileState& file, std::size_t covered, bool all);
  void apply_whole(std::vector<std::byte>& content, std::size_t event) const;
  void apply(std::vector<std::byte>& content, const Piece& piece) const;
  void apply_entry(std::map<std::string, std::uint32_t>& entries, std::size_t event) const;
  std::map<std::string, std::uint32_t> directory(CrashKind kind, Random& random) const;
  Pieces survivors(const FileState& file, CrashKind kind, Random& random) const;
  Pieces sectors(std::size_t event) const;
  void damage(std::vector<std::byte>& content, const FileState& file, Random& random) const;

  const DiskLog& log_;
  std::size_t position_ = 0;
  std::vector<FileState> files_;  // by number
  std::map<std::string, std::uint32_t> entries_;
  std::vector<std::size_t> pending_entries_;
};

}  // namespace onelane::test
