#include "tests/prove/fault_sweep.h"

#include <chrono>
#include <cstdio>
#include <vector>

#include "tests/prove/last_words.h"

namespace onelane::prove {

FaultSweep::FaultSweep(Flags& flags, std::uint64_t runs)
    : seed_(flags.number("seed", 1)),
      most_(flags.number("runs", runs)),
      only_fault_(flags.number("fault", kAnyFault)),
      only_after_(flags.number("after", 0)) {}

bool FaultSweep::run(const Setup& setup) {
  const auto began = std::chrono::steady_clock::now();
  bool fine = true;
  do {
    fine = only_fault_ == kAnyFault ? run_seed(setup, seed_)
                                    : run_fault(setup, seed_, only_fault_, only_after_);
    ++seed_;
  } while (fine && only_fault_ == kAnyFault && runs_ < most_);
  seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return fine;
}

// Once whole, to count its calls. Faults are numbered: each kind once, and then each from then on.
bool FaultSweep::run_seed(const Setup& setup, std::uint64_t seed) {
  const std::string again = setup.program + " --seed " + std::to_string(seed);
  if (!live(setup, again, seed, nullptr)) return false;
  std::vector<std::uint64_t> calls;
  for (const Kind& each : setup.kinds) calls.push_back(setup.disk().calls(each.call, each.file));
  for (std::size_t index = 0; index < 2 * calls.size(); ++index) {
    for (std::uint64_t after = 0; after < calls[index % calls.size()]; ++after) {
      if (!run_fault(setup, seed, index, after)) return false;
    }
  }
  return true;
}

bool FaultSweep::run_fault(const Setup& setup, std::uint64_t seed, std::size_t index,
                           std::uint64_t after) {
  const std::size_t kinds = setup.kinds.size();
  const Kind& kind = setup.kinds[index % kinds];
  const test::VfsFault fault{.call = kind.call,
                             .file = kind.file,
                             .code = kind.code,
                             .after = after,
                             .repeat = index < kinds ? test::Repeat::once : test::Repeat::always};
  const std::string again = setup.program + " --seed " + std::to_string(seed) + " --fault " +
                            std::to_string(index) + " --after " + std::to_string(after);
  return live(setup, again, seed, &fault);
}

bool FaultSweep::live(const Setup& setup, const std::string& again, std::uint64_t seed,
                      const test::VfsFault* fault) {
  LastWords::set(again);
  const std::string wrong = setup.live(seed, fault);
  ++runs_;
  errors_ += setup.disk().failures();
  if (wrong.empty()) return true;
  std::printf("%s%s\nagain: %s\n", fault == nullptr ? "without any fault: " : "", wrong.c_str(),
              again.c_str());
  return false;
}

}  // namespace onelane::prove
