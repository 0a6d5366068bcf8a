// What happens to the backlog of one class, as the scheduler sees it: a list of slots, oldest
// first. A trace has each change, so that a replay plans from the same backlog.
//
// Written by whoever may change the backlog, in memory, and drained once a tick. It never throws:
// once it is full(), the trace ends.
#pragma once

#include <cstddef>
#include <cstdint>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "src/model/entry.h"
#include "src/trace/wire.h"

namespace onelane::inline v0::trace {

// A unit as it was staged.
struct Unit {
  TimePoint pushed{};
  std::uint64_t bytes = 0;
  std::uint32_t records = 0;
  std::uint32_t site = 0;
  std::uint16_t caller = 0;
  detail::EntryKind kind = detail::EntryKind::record;
  Promise promise = Promise::committed;
  bool caller_waits = false;
  bool waited_for_room = false;
};

struct Change {
  enum class Op : std::uint8_t {
    add,         // a slot at the end
    clear,       // slots [first, first + count) are empty from now on
    put_behind,  // slot `first` is empty, and `to` counts as large and as old as that at least
    squeeze,     // empty slots among [first, first + count) are removed
  };
  Op op = Op::add;
  Unit unit{};
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t to = 0;
};

class Changes {
 public:
  // Of one class, between two ticks.
  static constexpr std::size_t kBytesMax = std::size_t{4} << 20;

  void add(const Unit& unit) noexcept;
  void clear(std::uint64_t slot) noexcept {
    if (run_ != 0 && slot == run_first_ + run_) {
      ++run_;
      return;
    }
    end_run();
    run_first_ = slot;
    run_ = 1;
  }
  void put_behind(std::uint64_t from, std::uint64_t to) noexcept;
  void squeeze(std::uint64_t first, std::uint64_t count) noexcept;

  bool empty() const noexcept { return out_.size() == 0 && run_ == 0; }
  bool full() const noexcept { return out_.full(); }
  // All changes since the last call; they are valid until the next change.
  std::span<const std::byte> drain() noexcept {
    end_run();
    return out_.all();
  }
  void drained() noexcept { out_.clear(); }

 private:
  void end_run() noexcept;

  Out out_{kBytesMax};
  Unit last_;
  std::uint64_t run_first_ = 0;
  std::uint64_t run_ = 0;
};

// Takes the changes of one class apart, batch by batch. Untrusted bytes: see In.
class ChangesIn {
 public:
  // False at the end of the batch, or where it makes no sense: then in.ok() is false.
  bool next(In& in, Change& change) noexcept;

 private:
  Unit last_;
};

}  // namespace onelane::inline v0::trace
