#include "tests/prove/intake_lives.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace onelane::prove {

namespace {

constexpr std::size_t kTicksToSettle = 64;

}  // namespace

std::string IntakeLives::live(std::shared_ptr<test::Disk> disk, test::Random& random) {
  disk_ = std::move(disk);
  ledgers_.plain.clear();
  ledgers_.intake.clear();
  std::string wrong = live_once(random, Ending::at_once);
  return wrong.empty() ? live_once(random, Ending::well) : wrong;
}

std::string IntakeLives::live_once(test::Random& random, Ending ending) {
  IntakeWriter writer(disk_, ledgers_, random, setup_.writer);
  const bool manual = setup_.writer.drive == Drive::manual;
  if (manual) disk_->meanwhile([&writer](test::VfsCall, test::VfsFile) { writer.watch(); });
  const Status opened = writer.open(setup_.database);
  if (!opened.ok()) {
    disk_->meanwhile(nullptr);
    return setup_.failed() ? "" : "open: " + opened.to_string();
  }
  ++figures_.opened;
  for (std::size_t step = 0; step < setup_.steps; ++step) writer.act();
  std::string wrong;
  if (ending == Ending::well) setup_.heal();
  if (ending == Ending::well && !writer.settles_within(kTicksToSettle + setup_.steps)) {
    wrong = "not settled after nothing failed any more";
  }
  (void)writer.close(ending == Ending::well ? std::chrono::seconds(10) : Duration(0));
  if (wrong.empty() && writer.unsettled() != 0) wrong = "not settled after close";
  if (!writer.stats().poison.ok()) ++figures_.poisoned;
  disk_->meanwhile(nullptr);
  writer.abandon();
  return wrong.empty() ? writer.wrong() : wrong;
}

void IntakeLives::add_journaled(std::size_t from, std::size_t to,
                                IntakeLedger::Units& units) const {
  const auto& events = disk_->log().events();
  for (std::size_t i = from; i < to; ++i) {
    if (events[i].deed != test::Deed::note || events[i].file != kJournaledNote) continue;
    units.resize(std::max<std::size_t>(units.size(), events[i].at + 1));
    units[events[i].at] = true;
  }
}

}  // namespace onelane::prove
