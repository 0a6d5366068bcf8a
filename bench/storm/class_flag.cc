#include "bench/storm/class_flag.h"

#include <fmt/format.h>

#include <functional>
#include <vector>

#include "bench/kit/errors.h"
#include "bench/kit/nearest.h"
#include "bench/kit/units.h"

namespace onelane::bench::storm {
namespace {

// A key of --class and what it sets.
struct ClassKey {
  std::string_view name;
  std::function<void(ClassOptions&, std::string_view)> set;
};

WhenFull parse_when_full(std::string_view text) {
  if (text == "block") return WhenFull::block;
  if (text == "reject") return WhenFull::reject;
  if (text == "drop-oldest") return WhenFull::drop_oldest;
  throw UsageError(fmt::format("'{}' is none of block, reject, drop-oldest", text));
}

Promise parse_promise(std::string_view text) {
  if (text == "committed") return Promise::committed;
  if (text == "durable") return Promise::durable;
  throw UsageError(
      fmt::format("'{}' is neither committed nor durable (journaled is a strategy)", text));
}

bool parse_switch(std::string_view text) {
  if (text == "on") return true;
  if (text == "off") return false;
  throw UsageError(fmt::format("'{}' is neither on nor off", text));
}

std::uint32_t parse_weight(std::string_view text) {
  constexpr std::uint64_t kMost = 1000;
  std::uint64_t value = parse_count(text);
  if (value < 1 || value > kMost) {
    throw UsageError(fmt::format("'{}' is not between 1 and {}", text, kMost));
  }
  return static_cast<std::uint32_t>(value);
}

const std::vector<ClassKey>& class_keys() {
  using Class = ClassOptions;
  using Text = std::string_view;
  static const std::vector<ClassKey> keys{
      {"guarantee-records", [](Class& c, Text t) { c.guarantee.records = parse_count(t); }},
      {"guarantee-bytes", [](Class& c, Text t) { c.guarantee.bytes = parse_size(t); }},
      {"budget-records", [](Class& c, Text t) { c.budget.records = parse_count(t); }},
      {"budget-bytes", [](Class& c, Text t) { c.budget.bytes = parse_size(t); }},
      {"budget-hold", [](Class& c, Text t) { c.budget.hold = parse_duration(t); }},
      {"weight", [](Class& c, Text t) { c.weight = parse_weight(t); }},
      {"max-delay", [](Class& c, Text t) { c.max_delay = parse_duration(t); }},
      {"gather", [](Class& c, Text t) { c.gather = parse_duration(t); }},
      {"interval", [](Class& c, Text t) { c.interval = parse_duration(t); }},
      {"capacity-records", [](Class& c, Text t) { c.capacity_records = parse_count(t); }},
      {"capacity-bytes", [](Class& c, Text t) { c.capacity_bytes = parse_size(t); }},
      {"when-full", [](Class& c, Text t) { c.when_full = parse_when_full(t); }},
      {"block-timeout", [](Class& c, Text t) { c.block_timeout = parse_duration(t); }},
      {"coalesce", [](Class& c, Text t) { c.coalesce = parse_switch(t); }},
      {"promise", [](Class& c, Text t) { c.promise = parse_promise(t); }},
  };
  return keys;
}

ClassOptions& class_named(std::string_view wanted, Classes& classes) {
  for (ClassOptions& options : classes) {
    if (options.name == wanted) return options;
  }
  throw UsageError(
      fmt::format("there is no class '{}': blobs, sync, connect, identify or domains", wanted));
}

void set_class_key(std::string_view pair, ClassOptions& options) {
  std::size_t equals = pair.find('=');
  std::string_view wanted = pair.substr(0, equals);
  for (const ClassKey& key : class_keys()) {
    if (key.name != wanted || equals == std::string_view::npos) continue;
    try {
      key.set(options, pair.substr(equals + 1));
      return;
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("{}: {}", wanted, error.what()));
    }
  }
  if (equals == std::string_view::npos) {
    throw UsageError(fmt::format("'{}' is no KEY=VALUE with a key of {}", pair, class_key_names()));
  }
  std::vector<std::string> names;
  for (const ClassKey& key : class_keys()) names.emplace_back(key.name);
  throw UsageError(fmt::format("there is no key '{}'; the nearest is {}, of {}", wanted,
                               nearest(wanted, names), class_key_names()));
}

}  // namespace

std::string class_key_names() {
  std::string names;
  for (const ClassKey& key : class_keys()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", key.name);
  }
  return names;
}

Classes default_classes() {
  Classes classes;
  for (Source source : kAllSources) classes[index(source)].name = name(source);
  ClassOptions& blobs = classes[index(Source::blobs)];
  blobs.guarantee = {.records = 64, .bytes = 512 * kKiB};
  ClassOptions& sync = classes[index(Source::sync)];
  sync.guarantee = {.records = 256, .bytes = 64 * kKiB};
  ClassOptions& connect = classes[index(Source::connect)];
  connect.guarantee = {.records = 512, .bytes = 256 * kKiB};
  connect.weight = 4;
  ClassOptions& identify = classes[index(Source::identify)];
  identify.guarantee = {.records = 128, .bytes = 64 * kKiB};
  identify.capacity_records = 4096;
  identify.when_full = WhenFull::drop_oldest;
  identify.coalesce = true;
  ClassOptions& domains = classes[index(Source::domains)];
  domains.guarantee = {.records = 128, .bytes = 64 * kKiB};
  return classes;
}

void apply_class(std::string_view text, Classes& classes) {
  std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    throw UsageError(fmt::format("'{}' is not NAME:KEY=VALUE,..., such as connect:weight=4", text));
  }
  ClassOptions& options = class_named(text.substr(0, colon), classes);
  for (const std::string& pair : split_list(text.substr(colon + 1))) set_class_key(pair, options);
}

}  // namespace onelane::bench::storm
