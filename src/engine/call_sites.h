// The call sites that a journal tells apart: from what a push says of its place to a number, and
// the series of its units. Any thread; nothing is ever taken out.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "onelane/call_site.h"
#include "src/engine/series.h"

namespace onelane::inline v0::engine {

class CallSites {
 public:
  // What is not told apart has this number, and no series here.
  static constexpr std::uint8_t kOther = kCallSitesMax;
  static constexpr std::string_view kOtherLabel = "other";

  // One place in the program that pushes to one class.
  struct Known {
    std::uint32_t klass = 0;
    std::string label;
    Series series;
  };

  // Locks and needs memory only for a place that was not seen before; without it, that is kOther.
  std::uint8_t index_of(std::uint32_t klass, const CallSite& site) noexcept;
  std::size_t count() const { return count_.load(std::memory_order_acquire); }
  Known& operator[](std::size_t index) const { return *known_[index]; }

 private:
  // A place is known by its text's address, a name by what it says. A header's function has an
  // address in each object file: several keys may have one number.
  struct Key {
    std::uint32_t klass = 0;
    std::uint32_t line = 0;
    const char* text = nullptr;
    std::string name;
    std::uint8_t index = 0;
    bool is(std::uint32_t of, const CallSite& site) const;
  };
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::size_t kKeysMax = kSlots / 2;

  std::uint8_t learn(std::uint32_t klass, const CallSite& site);

  std::array<std::atomic<const Key*>, kSlots> table_{};  // open addressing
  std::array<std::unique_ptr<Known>, kCallSitesMax> known_;
  std::atomic<std::size_t> count_{0};

  std::mutex mutex_;  // of what follows, and of changes to the rest
  std::array<std::unique_ptr<const Key>, kKeysMax> keys_;
  std::atomic<std::size_t> keys_count_{0};
};

static_assert(kCallSitesMax <= UINT8_MAX);

}  // namespace onelane::inline v0::engine
