// The kinds of values that options have: how a value is read and printed, and what is allowed. A
// kind is a type with these functions:
//
//   unit()          OptionField::unit
//   limits()        what is allowed, in words, after "it must be"
//   expected()      the same for somebody who wrote something else, with an example
//   read(text)      nullopt for what is not of this kind; limits are left to allowed()
//   print(value)    what read() takes
//   allowed(value)
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "onelane/option_text.h"
#include "src/model/limits.h"
#include "src/model/option_values.h"

namespace onelane::inline v0::model {

template <class Number, std::uint64_t low, std::uint64_t high>
struct Count {
  using Value = Number;
  static constexpr std::string_view unit() { return "count"; }
  static std::string limits() { return print(low) + " to " + print(high); }
  static std::string expected() { return "a whole number, " + limits(); }
  static std::optional<Value> read(std::string_view text) {
    const std::optional<std::uint64_t> value = read_count(text);
    if (!value || *value > high) return std::nullopt;
    return static_cast<Value>(*value);
  }
  static std::string print(Value value) { return std::to_string(value); }
  static bool allowed(Value value) { return value >= low && value <= high; }
};

struct Percent : Count<std::uint32_t, 0, 100> {
  static constexpr std::string_view unit() { return "percent"; }
};

template <std::uint64_t low, std::uint64_t high, std::uint64_t multiple = 1>
struct Size {
  using Value = std::uint64_t;
  static constexpr std::string_view unit() { return "size"; }
  static std::string limits() {
    const std::string range = print(low) + " to " + print(high);
    return multiple == 1 ? range : range + ", a multiple of " + print(multiple);
  }
  static std::string expected() { return "a size, " + limits() + ", such as 64KiB"; }
  static std::optional<Value> read(std::string_view text) { return read_size(text); }
  static std::string print(Value value) { return size_text(value); }
  static bool allowed(Value value) {
    return value >= low && value <= high && value % multiple == 0;
  }
};

// Limits in nanoseconds.
template <Duration::rep low, Duration::rep high>
struct Time {
  using Value = Duration;
  static constexpr std::string_view unit() { return "time"; }
  static std::string limits() { return print(Duration(low)) + " to " + print(Duration(high)); }
  static std::string expected() { return "a time, " + limits() + ", such as 20ms"; }
  static std::optional<Value> read(std::string_view text) { return read_duration(text); }
  static std::string print(Value value) { return duration_text(value); }
  static bool allowed(Value value) { return value >= Duration(low) && value <= Duration(high); }
};

// 0 means `usual`, and is shown as that; a text says what it means.
template <class Kind, auto usual>
struct OrUsual : Kind {
  using Value = typename Kind::Value;
  static std::string print(Value value) { return Kind::print(meant(value)); }
  static bool allowed(Value value) { return Kind::allowed(meant(value)); }
  static std::optional<Value> read(std::string_view text) {
    const std::optional<Value> value = Kind::read(text);
    return value == Value(0) ? std::nullopt : value;
  }
  static Value meant(Value value) { return value == Value(0) ? Value(usual) : value; }
};

struct Switch {
  using Value = bool;
  static constexpr std::string_view unit() { return "switch"; }
  static std::string limits() { return "on or off"; }
  static std::string expected() { return limits(); }
  static constexpr std::array<std::string_view, 2> kNames{"on", "off"};
  static std::optional<Value> read(std::string_view text) {
    if (text == "on" || text == "true" || text == "yes" || text == "1") return true;
    if (text == "off" || text == "false" || text == "no" || text == "0") return false;
    return std::nullopt;
  }
  static std::string print(Value value) { return std::string(kNames[value ? 0 : 1]); }
  static bool allowed(Value) { return true; }
};

// The values of an enumeration in words, in its order.
template <class Enumeration>
struct Words;
template <>
struct Words<WhenFull> {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"block", "reject", "drop-oldest"});
};
template <>
struct Words<Promise> {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"committed", "durable", "journaled"});
};
template <>
struct Words<Synchronous> {
  static constexpr auto kNames = std::to_array<std::string_view>({"normal", "full", "paranoid"});
};
template <>
struct Words<Drive> {
  static constexpr auto kNames = std::to_array<std::string_view>({"thread", "manual"});
};
template <>
struct Words<IntakeMismatch> {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"refuse", "roll-forward", "discard"});
};

template <class Enumeration>
struct Choice {
  using Value = Enumeration;
  static constexpr auto kNames = Words<Enumeration>::kNames;
  static constexpr std::string_view unit() { return "choice"; }
  static std::string limits() {
    std::string all;
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (i > 0) all += i + 1 == kNames.size() ? " or " : ", ";
      all += kNames[i];
    }
    return all;
  }
  static std::string expected() { return limits(); }
  static std::optional<Value> read(std::string_view text) {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (kNames[i] == text) return static_cast<Value>(i);
    }
    return std::nullopt;
  }
  static std::string print(Value value) {
    const auto i = static_cast<std::size_t>(value);
    return i < kNames.size() ? std::string(kNames[i]) : std::to_string(i);
  }
  static bool allowed(Value value) { return static_cast<std::size_t>(value) < kNames.size(); }
};

struct Table {
  using Value = std::string;
  static constexpr std::string_view unit() { return "table"; }
  static std::string limits() {
    return "1 to " + std::to_string(kTableCharsMax) +
           " letters, digits and _, no digit or sqlite_ first";
  }
  static std::string expected() { return "a table's name, " + limits(); }
  static std::optional<Value> read(std::string_view text) { return std::string(text); }
  static std::string print(const Value& value) { return value; }
  static bool allowed(const Value& value);
};

// Empty: none.
struct OptionalTable : Table {
  static std::string limits() { return Table::limits() + "; or empty: none"; }
  static std::string expected() { return "a table's name, " + limits(); }
  static bool allowed(const Value& value) { return value.empty() || Table::allowed(value); }
};

struct Folder {
  using Value = std::filesystem::path;
  static constexpr std::string_view unit() { return "folder"; }
  static std::string limits() { return "a path without NUL"; }
  static std::string expected() { return limits(); }
  static std::optional<Value> read(std::string_view text) { return Value(text); }
  static std::string print(const Value& value) { return value.string(); }
  static bool allowed(const Value& value) { return print(value).find('\0') == std::string::npos; }
};

struct File : Folder {
  static constexpr std::string_view unit() { return "file"; }
};

struct Mode {
  using Value = std::filesystem::perms;
  static constexpr std::string_view unit() { return "mode"; }
  static std::string limits() {
    return "0600 to 0666: the owner must be allowed to read and write, and nobody to execute";
  }
  static std::string expected() { return "in octal, " + limits(); }
  static std::optional<Value> read(std::string_view text);
  static std::string print(Value value);
  static bool allowed(Value value);
};

}  // namespace onelane::inline v0::model
