#include <array>
#include <cstdio>
#include <string>

#include "onelane/stats.h"

namespace onelane::inline v0 {

namespace {

std::string decimal(double value, const char* unit) {
  char out[64];
  std::snprintf(out, sizeof out, "%.2f %s", value, unit);
  return out;
}

std::string ms(std::uint64_t ns) { return decimal(static_cast<double>(ns) / 1e6, "ms"); }
std::string mib(std::uint64_t bytes) {
  return decimal(static_cast<double>(bytes) / (1024.0 * 1024.0), "MiB");
}

// ", committed 3, rejected 1": those that there are.
std::string ends_in_words(const std::array<std::uint64_t, kEndCount>& ends) {
  std::string out;
  for (std::size_t end = 0; end < kEndCount; ++end) {
    if (ends[end] == 0) continue;
    out += ", " + std::string(name(static_cast<End>(end))) + " " + std::to_string(ends[end]);
  }
  return out;
}

std::string in_words(const ClassStats& stats) {
  std::string out = stats.name + ": offered " + std::to_string(stats.offered);
  if (stats.refused != 0) out += ", refused " + std::to_string(stats.refused);
  out += ends_in_words(stats.ends);
  if (stats.in_flight != 0) out += ", in flight " + std::to_string(stats.in_flight);
  if (stats.wait_ns.count() != 0) {
    out += ", wait p50 " + ms(stats.wait_ns.p50()) + " p99 " + ms(stats.wait_ns.p99());
  }
  for (const RejectionStats& each : stats.rejections) {
    out += ", " + std::to_string(each.units) + " x " + each.last.to_string();
  }
  return out;
}

}  // namespace

std::string JournalStats::to_string() const {
  std::string out = "commits " + std::to_string(committed) + ", durable up to " +
                    std::to_string(durable) + ", ticks " + std::to_string(ticks) + ", busy " +
                    std::to_string(busy) + ", lane held " + decimal(100 * occupancy, "%") +
                    ", hold p99 " + ms(hold_ns.p99()) + ", log " + mib(log.bytes);
  if (log.limit_bytes != 0) out += " of " + mib(log.limit_bytes);
  if (intake.segments != 0) out += ", intake " + mib(intake.bytes);
  if (!poison.ok()) out += ", poisoned: " + poison.to_string();
  for (const ClassStats& each : classes) out += " | " + in_words(each);
  return out;
}

std::string CloseReport::to_string() const {
  std::string out = status.to_string() + ends_in_words(ends);
  if (log.bytes != 0) out += ", left in the log " + mib(log.bytes) + ": " + log.why.to_string();
  return out;
}

}  // namespace onelane::inline v0
