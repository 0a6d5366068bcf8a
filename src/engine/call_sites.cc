#include "src/engine/call_sites.h"

#include <algorithm>
#include <new>
#include <utility>

#include "src/base/memory.h"

namespace onelane::inline v0::engine {

namespace {

constexpr std::size_t kNameCharsMax = 64;
// Where options were made without braces, they know no other place than their own header.
constexpr std::string_view kOwnHeader = "onelane/options.h";

std::string_view kept_name(const CallSite& site) { return site.text().substr(0, kNameCharsMax); }

std::size_t hash_of(std::uint32_t klass, const CallSite& site) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ klass;
  const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL; };
  if (site.line() != 0) {
    mix(reinterpret_cast<std::uintptr_t>(site.text().data()));
    mix(site.line());
  } else {
    for (const char each : kept_name(site)) mix(static_cast<unsigned char>(each));
  }
  return static_cast<std::size_t>(hash >> 32);
}

// "peers.cc:42 on_connect", or the name.
std::string label_of(const CallSite& site) {
  constexpr std::string_view kOtherLabel = CallSites::kOtherLabel;
  if (site.text().empty()) return "unnamed";
  if (site.line() == 0 && kept_name(site) == kOtherLabel) return "other (named)";
  if (site.line() == 0) return std::string(kept_name(site));
  if (site.text().ends_with(kOwnHeader)) return "unnamed";
  std::string_view file = site.text();
  file.remove_prefix(std::min(file.size(), file.find_last_of('/') + 1));
  return std::string(file) + ":" + std::to_string(site.line()) + " " + site.function();
}

}  // namespace

bool CallSites::Key::is(std::uint32_t of, const CallSite& site) const {
  if (klass != of || line != site.line()) return false;
  return line != 0 ? text == site.text().data() : name == kept_name(site);
}

std::uint8_t CallSites::index_of(std::uint32_t klass, const CallSite& site) noexcept {
  for (std::size_t slot = hash_of(klass, site);; ++slot) {
    const Key* const key = table_[slot % kSlots].load(std::memory_order_acquire);
    if (key == nullptr) break;
    if (key->is(klass, site)) return key->index;
  }
  if (keys_count_.load(std::memory_order_relaxed) == kKeysMax) return kOther;
  try {
    return learn(klass, site);
  } catch (const std::bad_alloc&) {
    return kOther;
  }
}

std::uint8_t CallSites::learn(std::uint32_t klass, const CallSite& site) {
  std::string label = label_of(site);
  const std::scoped_lock lock(mutex_);
  const std::size_t keys = keys_count_.load(std::memory_order_relaxed);
  std::size_t slot = hash_of(klass, site);
  while (const Key* key = table_[slot % kSlots].load(std::memory_order_relaxed)) {
    if (key->is(klass, site)) return key->index;  // another thread was first
    ++slot;
  }
  if (keys == kKeysMax) return kOther;
  auto key = std::make_unique<Key>();
  key->klass = klass;
  key->line = site.line();
  key->text = site.text().data();
  if (site.line() == 0) key->name = kept_name(site);
  std::size_t index = 0;
  const std::size_t count = this->count();
  while (index < count && (known_[index]->klass != klass || known_[index]->label != label)) ++index;
  if (index == count && count < kCallSitesMax) {
    known_[index] = std::make_unique<Known>();
    known_[index]->klass = klass;
    known_[index]->label = std::move(label);
    count_.store(count + 1, std::memory_order_release);
  }
  key->index = static_cast<std::uint8_t>(index);  // kOther where there are as many as may be
  table_[slot % kSlots].store(key.get(), std::memory_order_release);
  keys_[keys] = std::move(key);
  keys_count_.store(keys + 1, std::memory_order_relaxed);
  return static_cast<std::uint8_t>(index);
}

}  // namespace onelane::inline v0::engine
