// The storage of a telemetry service: devices, samples, counters, imports.
#pragma once

#include <onelane/onelane.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace telemetry {

using Milliseconds = std::chrono::milliseconds;
using Time = std::chrono::sys_time<Milliseconds>;

enum class DeviceState : std::uint8_t { offline, online, faulty };

struct Heartbeat {  // a small upsert that somebody waits for
  std::string device;
  std::string name;
  DeviceState state;
  Time seen;
};
struct Sample {  // one row of a bulk import
  std::string device;
  Time at;
  double value;
  std::optional<std::string> unit;
  std::vector<std::uint8_t> raw;
};
struct Counter {  // best effort
  std::string name;
  std::int64_t n;
};

}  // namespace telemetry

template <>
struct onelane::RecordTraits<telemetry::Heartbeat> {
  static constexpr std::string_view sql =
      "INSERT INTO devices(id, name, state, last_seen) VALUES(?1, ?2, ?3, ?4) "
      "ON CONFLICT(id) DO UPDATE SET name = excluded.name, state = excluded.state, "
      "last_seen = max(last_seen, excluded.last_seen)";
  static auto columns(const telemetry::Heartbeat& h) {
    return std::tie(h.device, h.name, h.state, h.seen);
  }
};
template <>
struct onelane::RecordTraits<telemetry::Sample> {
  static constexpr std::string_view sql =
      "INSERT INTO samples(device, at, value, unit, raw) VALUES(?1, ?2, ?3, ?4, ?5)";
  static auto columns(const telemetry::Sample& s) {
    return std::tie(s.device, s.at, s.value, s.unit, s.raw);
  }
};
template <>
struct onelane::RecordTraits<telemetry::Counter> {
  static constexpr std::string_view sql =
      "INSERT INTO counters(name, n) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET n = excluded.n";
  static auto columns(const telemetry::Counter& c) { return std::tie(c.name, c.n); }
  static constexpr std::array<std::uint16_t, 1> key_columns{0};
};

namespace telemetry {

class Storage {
 public:
  // Opens or makes the database. The options are for tests: what is not set is the service's.
  // Throws std::runtime_error.
  explicit Storage(const std::filesystem::path& path, onelane::JournalOptions options = {});

  // Any thread. Waits: ok, or why not, in one value.
  onelane::Status heartbeat(const Heartbeat& heartbeat, Milliseconds patience);
  // Any thread. Never waits; the newest value of a counter is what counts.
  void count(const Counter& counter) { (void)counters_.push(counter); }
  // All samples of a source, once: the receipt is rejected if it was imported before.
  onelane::Result<onelane::Receipt> import(const std::string& source,
                                           std::function<std::optional<Sample>()> samples);

  onelane::Journal& journal() { return journal_; }

 private:
  onelane::Journal journal_;
  onelane::WriteClass bulk_;
  onelane::Producer<Heartbeat> heartbeats_;
  onelane::Producer<Counter> counters_;
};

}  // namespace telemetry
