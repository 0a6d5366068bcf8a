// Threads that write rows to a store, timed.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "bench/contestants/store.h"
#include "bench/kit/samples.h"
#include "bench/kit/units.h"

namespace onelane::bench {

// Which keys the writes have, by the number of the write.
enum class Keys : std::uint8_t {
  each_its_own,  // row n has key n
  in_turn,       // the keys from 0 on, over and over
  drawn,         // any of the keys
};

struct Load {
  std::size_t threads = 1;
  std::uint64_t rows = 0;            // a run ends after this many,
  Nanoseconds longest{0};            // or after this time; 0: no such limit
  std::uint64_t rows_per_write = 1;  // divides `rows`
  Keys keys = Keys::each_its_own;
  std::uint64_t key_count = 0;  // of in_turn and drawn; 0: as many as rows
  std::uint64_t first = 0;      // the number of the first row; the next ones follow
  bool timed = true;            // each write; if not, `longest` is no limit
};

// A load that brings a store to its steady state. It writes a small table over and over, until the
// WAL has reached its limit and was restarted. While the WAL's file still grows, each commit waits
// for the file system's own journal, too.
Load warm_up(std::size_t value_bytes, std::uint64_t wal_limit_bytes);

// Key number -> the row number whose value it must have, or kNoRow.
using Contents = std::vector<std::uint64_t>;
inline constexpr std::uint64_t kNoRow = ~std::uint64_t{0};

struct LoadResult {
  std::uint64_t rows = 0;  // acknowledged, or committed by the drain
  Nanoseconds elapsed{0};  // from the first write to the end of the last one, or of the drain
  Nanoseconds drained{0};  // of that, the drain
  Samples times;           // of each write
};

// The rows are acknowledged, and in the store, when it returns. Adds them to `contents`, for which
// keys that come again need a single thread. Throws RunError.
LoadResult run_load(Store& store, const Rows& rows, const Load& load, Contents& contents);

// Throws RunError unless `read` visits exactly the contents.
using Read = std::function<void(const Store::Visit& visit)>;
void verify_contents(const Read& read, const Rows& rows, const Contents& contents);
// The same of a store, which it closes.
void verify_contents(Store& store, const Rows& rows, const Contents& contents);

}  // namespace onelane::bench
