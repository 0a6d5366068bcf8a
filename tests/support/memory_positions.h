// The positions of classes with an intake, for sinks that keep nothing and never fail: in memory,
// and gone with the sink.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "onelane/options.h"
#include "onelane/sink.h"

namespace onelane::test {

class MemoryPositions final : public AppliedPositions {
 public:
  Reply advance(const ClassProgress& progress) override {
    std::uint64_t& position = positions_[std::string(progress.name)];
    if (position == progress.expected && progress.position >= position) {
      position = progress.position;
      return {};
    }
    return {.fault = Fault::corrupt, .effect = Effect::kept, .cause = {Errc::corrupt, "advance"}};
  }
  Reply bury(const DeadLetter&) override { return {}; }
  Result<std::optional<IntakeMark>> mark() override { return mark_; }
  Status set_mark(const IntakeMark& mark) override {
    mark_ = mark;
    return {};
  }
  Result<std::vector<FoundProgress>> found() override { return std::vector<FoundProgress>(); }
  bool buries() const noexcept override { return true; }

 private:
  std::map<std::string, std::uint64_t> positions_;
  std::optional<IntakeMark> mark_;
};

// A journal on such a sink that keeps an intake in this folder.
inline JournalOptions with_intake_in(const std::string& folder, JournalOptions options) {
  options.intake.folder = folder;
  options.intake.dead_letters = "dead";
  return options;
}

}  // namespace onelane::test
