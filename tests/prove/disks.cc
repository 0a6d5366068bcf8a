// Disks and loads at random, on a virtual clock (tests/sim/slow_disk.h): what the log keeper makes
// of them.
//
//   onelane_prove_disks [--seed N] [--disks N]
//
// On each disk the log stays within a quarter more than its limit, whatever the disk does. On one
// that does not change, a closing pass keeps to its budget, a small class waits for at most a few
// syncs of that disk, and a heavy one gets half of what the disk could take; over all disks, four
// fifths.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "tests/prove/flags.h"
#include "tests/sim/slow_disk.h"

namespace onelane::prove {
namespace {

using test::DiskFigures;
using test::DiskLoad;

double log_uniform(std::mt19937_64& random, double least, double most) {
  const double u = std::uniform_real_distribution<>(0, 1)(random);
  return least * std::pow(most / least, u);
}

// 0.5 MB/s to 2 GB/s, 10 us to 50 ms, 1 to 16 heavy classes. Guarantees are a small part of the
// limit, or they alone would fill the log.
DiskLoad load_of(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  DiskLoad out;
  out.bytes_per_s = log_uniform(random, 0.5e6, 2e9);
  out.floor = Duration(static_cast<Duration::rep>(log_uniform(random, 10e3, 50e6)));
  // What the disk takes a minute for, at most.
  const double most = std::clamp(out.bytes_per_s * 60 / kMiB, 8.0, 512.0);
  out.limit = static_cast<std::uint64_t>(log_uniform(random, 4, most)) * kMiB;
  if (random() % 4 == 0)
    out.later = random() % 2 == 0 ? std::max(0.1, 0.5e6 / out.bytes_per_s) : 10;
  out.neighbour = random() % 5 == 0;
  out.hiccups = random() % 5 == 0;
  out.heavy_bytes_per_s = log_uniform(random, 1e6, 1e9);
  out.lane_bytes_per_s = log_uniform(random, 200e6, 1e9);
  if (random() % 3 == 0) out.heavy = 1 + random() % 16;
  const double part = static_cast<double>(out.limit) / 32 / static_cast<double>(out.heavy);
  out.guarantee = static_cast<std::uint64_t>(log_uniform(random, 4e3, std::min(600e3, part)));
  out.hot = static_cast<std::uint64_t>(log_uniform(random, 1e5, 1e9));
  return out;
}

bool steady(const DiskLoad& load) { return load.later == 1 && !load.neighbour && !load.hiccups; }

double ms(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

// What a closing pass may take: a full tick, or three times what its two syncs take at least, a
// floor and the pages that are changed again and again; and what cannot be done without, a
// guarantee of the heavy class and the part of a limit that any tick may add.
double hold_most(const DiskLoad& load) {
  const double again = static_cast<double>(std::min(load.hot, load.limit / 4));
  const double part = static_cast<double>(load.guarantee * load.heavy + load.limit / 64);
  return std::max(ms(load.hold), 6 * ms(load.floor) + 3 * again / load.bytes_per_s * 1e3) +
         4 * part / load.bytes_per_s * 1e3;
}

double part(std::vector<double> values, double where) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(where * static_cast<double>(values.size() - 1))];
}

}  // namespace

int prove(Flags& flags) {
  const std::uint64_t seed = flags.number("seed", 1);
  const std::uint64_t disks = flags.number("disks", 200);
  flags.check();
  std::vector<double> logs;
  std::vector<double> shares;
  std::vector<double> holds;
  std::vector<double> waits;
  std::uint64_t failed = 0;
  for (std::uint64_t i = seed; i < seed + disks; ++i) {
    const DiskLoad load = load_of(i);
    const DiskFigures figures = test::SlowDisk(load, i).run(std::chrono::seconds(20));
    logs.push_back(figures.log);
    const bool is_steady = steady(load);
    if (is_steady) {
      shares.push_back(figures.share);
      holds.push_back(ms(figures.hold) / hold_most(load));
      waits.push_back(ms(figures.wait_p99) / hold_most(load));
    }
    const bool bad = figures.log > 1.25 ||
                     (is_steady && (figures.share < 0.2 || holds.back() > 1 || waits.back() > 2));
    if (!bad) continue;
    ++failed;
    std::printf(
        "FAILED --seed %llu: %.1f MB/s, %.2f ms, limit %llu MiB; log %.2f, hold %.1f ms, "
        "wait %.1f %.1f %.1f ms, share %.2f\n",
        static_cast<unsigned long long>(i), load.bytes_per_s / 1e6, ms(load.floor),
        static_cast<unsigned long long>(load.limit / kMiB), figures.log, ms(figures.hold),
        ms(figures.wait_p50), ms(figures.wait_p99), ms(figures.wait_max), figures.share);
  }
  std::printf(
      "%llu disks (%zu steady): log at most %.2f of its limit; of the steady ones: share "
      "p10 %.2f p50 %.2f, hold to its budget p50 %.2f most %.2f, wait p50 %.2f most %.2f\n",
      static_cast<unsigned long long>(disks), shares.size(), part(logs, 1), part(shares, 0.1),
      part(shares, 0.5), part(holds, 0.5), part(holds, 1), part(waits, 0.5), part(waits, 1));
  return failed == 0 && part(shares, 0.5) >= 0.8 ? 0 : 1;
}

}  // namespace onelane::prove
