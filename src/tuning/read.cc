// From a file to a Trace.
#include <algorithm>
#include <utility>

#include "onelane/trace.h"
#include "src/model/limits.h"
#include "src/trace/file.h"
#include "src/tuning/walk.h"

namespace onelane::inline v0 {

namespace {

using detail::EntryKind;

class Collector final : public tuning::Visitor {
 public:
  explicit Collector(Trace& out) : out_(out) {}
  void use(const tuning::Walk& walk) { walk_ = &walk; }

  void started(const trace::StartItem& item) override {
    out_.version = item.version;
    out_.opened = out_.last = item.opened;
    out_.drive = item.drive;
  }
  void site(const trace::SiteItem& item) override {
    if (item.site == out_.sites.size()) out_.sites.emplace_back(item.label);
  }
  void added(std::size_t klass, const trace::Unit& unit) override {
    TracedUnit each{.pushed = unit.pushed,
                    .bytes = unit.bytes,
                    .records = unit.records,
                    .site = unit.site,
                    .behind = walk_->last_unit(),
                    .caller = unit.caller,
                    .write_class = static_cast<std::uint8_t>(klass),
                    .kind = unit.kind == EntryKind::barrier ? UnitKind::record
                                                            : static_cast<UnitKind>(unit.kind),
                    .promise = unit.promise,
                    .caller_waits = unit.caller_waits,
                    .waited_for_room = unit.waited_for_room};
    out_.units.push_back(each);
    seen(unit.pushed);
  }
  void put_behind(std::uint32_t older, std::uint32_t newer) override {
    out_.units[older].behind = newer;
  }
  void taken(std::size_t /*klass*/, const tuning::Slot& slot) override {
    ++out_.units[slot.unit].steps;
  }
  void gone(std::uint32_t unit, bool served) override {
    if (served && !out_.ticks.empty()) {
      out_.units[unit].left = out_.ticks.back().settled;
      out_.units[unit].served = out_.units[unit].steps != 0;
    } else {
      gone_.push_back(unit);
    }
  }
  bool planned(const trace::PlanItem& plan) override {
    seen(plan.now);
    for (const std::uint32_t unit : gone_) out_.units[unit].left = plan.now;
    gone_.clear();
    return true;
  }
  void ended(const trace::PlanItem& plan, const trace::OutcomeItem& outcome) override {
    out_.ticks.push_back({.planned = plan.now,
                          .began = outcome.began,
                          .ended = outcome.ended,
                          .settled = outcome.settled,
                          .records = outcome.records,
                          .bytes = outcome.bytes,
                          .commit_time = outcome.commit_time,
                          .kept = outcome.kept,
                          .paced = plan.paced});
    seen(outcome.settled);
  }
  void happened(const trace::EventItem& event) override {
    seen(event.at);
    switch (event.kind) {
      case trace::EventKind::closing_pass:
        out_.closing_passes.push_back({event.at, event.took});
        break;
      case trace::EventKind::sync:
        out_.syncs.push_back({event.at, event.took});
        break;
      case trace::EventKind::pause:
        if (!out_.ticks.empty()) out_.ticks.back().pause = event.took;
        break;
      case trace::EventKind::log:
        if (!out_.ticks.empty()) out_.ticks.back().log_bytes = event.bytes;
        break;
    }
  }
  // Of what was gone after the last tick.
  void finish() {
    for (const std::uint32_t unit : gone_) out_.units[unit].left = out_.last;
  }
  void stopped(const trace::EndItem& item) override {
    out_.end = item.why;
    out_.lost_ticks = item.lost_ticks;
  }

 private:
  void seen(TimePoint when) { out_.last = std::max(out_.last, when); }

  Trace& out_;
  const tuning::Walk* walk_ = nullptr;
  std::vector<std::uint32_t> gone_;  // outside a tick, since the last plan
};

Result<Trace> make_trace(trace::Content content) {
  Trace out;
  out.damage = std::move(content.damage);
  Collector collector(out);
  tuning::Walk walk(content.items, collector);
  collector.use(walk);
  if (Status why = walk.run(); !why.ok()) return why;
  collector.finish();
  out.budgets = walk.budgets();
  const auto other = static_cast<std::uint32_t>(out.sites.size());
  out.sites.emplace_back("other");
  for (TracedUnit& each : out.units) each.site = std::min(each.site, other);
  if (out.version.empty()) {
    return Status(Errc::invalid_argument, "the trace is empty: it ends before its first item");
  }
  auto items = std::make_shared<detail::TraceItems>();
  items->bytes = std::move(content.items);
  out.items = std::move(items);
  return out;
}

}  // namespace

Result<Trace> parse_trace(std::span<const std::byte> bytes) {
  Result<trace::Content> content = trace::read(bytes);
  if (!content.ok()) return content.status();
  return make_trace(*std::move(content));
}

Result<Trace> read_trace(const std::filesystem::path& path) {
  Result<trace::Content> content = trace::read(path, model::kTraceBytesMax);
  if (!content.ok()) return content.status();
  return make_trace(*std::move(content));
}

}  // namespace onelane::inline v0
