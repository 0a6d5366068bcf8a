// Fails each disk call of a life, one run for each: for programs whose seed gives a life.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "tests/prove/flags.h"
#include "tests/sim/disk.h"

namespace onelane::prove {

class FaultSweep {
 public:
  // A call, and what it answers when it fails.
  struct Kind {
    test::VfsCall call;
    test::VfsFile file;
    int code;
  };
  struct Setup {
    std::string program;  // what to type in for a run, but for its seed and fault
    std::span<const Kind> kinds;
    // Lives once, with this fault on its disk or without any: what is wrong, or nothing.
    std::function<std::string(std::uint64_t seed, const test::VfsFault*)> live;
    std::function<const test::Disk&()> disk;  // the last life's
  };

  // Reads --seed, --runs, --fault and --after: lives of one seed after the other, until there were
  // that many runs; or the one run that was asked for.
  FaultSweep(Flags& flags, std::uint64_t runs);

  // False if something was wrong; it was printed.
  bool run(const Setup& setup);
  std::uint64_t runs() const { return runs_; }
  std::uint64_t errors() const { return errors_; }
  double seconds() const { return seconds_; }

 private:
  static constexpr std::size_t kAnyFault = ~std::size_t{0};

  bool run_seed(const Setup& setup, std::uint64_t seed);
  bool run_fault(const Setup& setup, std::uint64_t seed, std::size_t index, std::uint64_t after);
  bool live(const Setup& setup, const std::string& again, std::uint64_t seed,
            const test::VfsFault* fault);

  std::uint64_t seed_;
  const std::uint64_t most_;
  const std::size_t only_fault_;
  const std::uint64_t only_after_;
  std::uint64_t runs_ = 0;
  std::uint64_t errors_ = 0;
  double seconds_ = 0;
};

}  // namespace onelane::prove
