#include "src/engine/statistics.h"

#include <string>
#include <utility>

namespace onelane::inline v0::engine {

void Statistics::end() {
  const std::scoped_lock lock(ended_mutex_);
  ended_ = with_.clock.now();
}

JournalStats Statistics::snapshot() const {
  JournalStats out;
  if (with_.turn.forked()) return out;  // a thread that is not here any more may have had a lock
  out.when = with_.clock.now();
  const auto lanes = with_.lanes.all();
  const auto rivals = lanes.size() - 1;
  for (const auto& lane : lanes) out.classes.push_back(lane->stats(rivals, opened_, out.when));
  with_.attribution.snapshot(out);
  for (const auto& lane : lanes) add_call_sites(*lane, out);
  with_.recorder.snapshot(out);
  with_.log.snapshot(out.log);
  with_.pen.snapshot(out.intake);
  out.intake.replayed = replayed_.units;
  out.intake.replayed_letters = replayed_.letters;
  out.intake.replay = replayed_.took;
  if (with_.tracer != nullptr) out.trace = with_.tracer->stats();
  if (with_.server != nullptr) out.server = with_.server->stats();
  out.durable = with_.durability.durable();
  out.epoch = epoch_;
  out.sync_ns = with_.durability.sync_times();
  out.poison = with_.state.first_error();
  const std::scoped_lock lock(ended_mutex_);
  out.open = ended_.value_or(out.when) - opened_;
  if (out.open > Duration(0)) {
    out.occupancy = static_cast<double>(out.held.count()) / static_cast<double>(out.open.count());
  }
  return out;
}

// Those of the class, and what comes from others.
void Statistics::add_call_sites(const ClassLane& lane, JournalStats& out) const {
  const auto add = [&](std::string label, const Series& series) {
    SeriesSum sum(opened_, out.when);
    sum.add(series);
    out.call_sites.push_back({.write_class = lane.index,
                              .label = std::move(label),
                              .all = sum.all(),
                              .minute = sum.newest(kSlicesOfMinute),
                              .recent = sum.newest(kSlicesOfRecent)});
  };
  for (std::size_t i = 0; i < with_.sites.count(); ++i) {
    const CallSites::Known& site = with_.sites[i];
    if (site.klass == lane.index) add(site.label, site.series);
  }
  if (lane.tally.others().any()) add(std::string(CallSites::kOtherLabel), lane.tally.others());
}

Health Statistics::health() const { return with_.turn.forked() ? Health() : with_.turn.health(); }

// What made its commit durable is asked of the syncs.
std::optional<Journey> Statistics::journey(const Entry& unit) const {
  if (with_.turn.forked() || !unit.settled() || unit.commit == 0) return std::nullopt;
  std::optional<Journey> out = with_.attribution.journey(unit);
  if (!out) return std::nullopt;
  const TimePoint committed = unit.pushed + out->waited + out->executed + out->committed;
  out->synced = with_.durability.synced_after(unit.commit, committed);
  return out;
}

}  // namespace onelane::inline v0::engine
