// Figures as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/clock.h"
#include "onelane/journey.h"
#include "onelane/stats.h"

namespace onelane::inline v0::render {

// "0.5 us", "9.4 ms", "12 s", "3 h 12 min"
std::string duration_text(Duration duration);
std::string duration_text_ns(std::uint64_t nanoseconds);
// "512 B", "12.3 MiB"
std::string bytes_text(std::uint64_t bytes);
// "71 %", "0.4 %", "0 %"
std::string percent_text(double share);
// "1,234,567"
std::string count_text(std::uint64_t count);
// "12 writes", "1 write"
std::string counted(std::uint64_t count, std::string_view one, std::string_view many);
// "a", "a and b", "a, b and c"
std::string listed(const std::vector<std::string>& parts);

// "sqlite3 (process 12)", "process 12"
std::string process_text(std::int64_t pid, std::string_view name);
// Each of them, which are LogReaders or LockHolders.
template <class Process>
std::vector<std::string> process_texts(const std::vector<Process>& all) {
  std::vector<std::string> out;
  for (const Process& each : all) out.push_back(process_text(each.pid, each.name));
  return out;
}

// What a class waited behind, as it stands in a sentence: "checkpoints", "somebody else's lock".
std::string_view phrase(Obstacle obstacle) noexcept;

// A class's name; "class 7" for an index that the snapshot does not have.
std::string class_name(const JournalStats& stats, std::uint32_t write_class);

// A part of a whole, 0 to 1; 0 of nothing.
double share(Duration part, Duration whole) noexcept;

// At most this many characters of a text, the last of them an ellipsis if there are more.
std::string shortened(std::string_view text, std::size_t characters);

// The text with bytes that are no UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

}  // namespace onelane::inline v0::render
