// The snapshot as one JSON object.
#include <nlohmann/json.hpp>

#include "onelane/render.h"
#include "onelane/version.h"
#include "src/render/words.h"

namespace onelane::inline v0::render {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchema = 1;

Json of(const Histogram& values) {
  return {{"count", values.count()}, {"sum", values.sum()}, {"max", values.max()},
          {"p50", values.p50()},     {"p90", values.p90()}, {"p99", values.p99()}};
}

Json of(const Status& status) {
  if (status.ok()) return nullptr;
  return {{"code", name(status.code())}, {"text", status.to_string()}};
}

class Writer {
 public:
  explicit Writer(const JournalStats& stats) : stats_(stats) {}
  Json all(const About& about) const;

 private:
  std::int64_t age(TimePoint at) const { return (stats_.when - at).count(); }
  Json age(const std::optional<TimePoint>& at) const { return at ? Json(age(*at)) : Json(); }
  Json of_behind(const WaitedBehind& behind) const;
  Json of_activity(const Activity& activity) const;
  Json of_class(const ClassStats& one) const;
  Json of_site(const CallSiteStats& site) const;
  Json of_tick(const TickStats& tick) const;
  Json of_unit(const SlowUnitStats& unit) const;
  Json of_log() const;
  Json of_intake() const;
  Json of_lane() const;

  const JournalStats& stats_;
};

// By name: {"classes_ns": {"blobs": 12}, "obstacles_ns": {"lock": 3}}; nothing where it is 0.
Json Writer::of_behind(const WaitedBehind& behind) const {
  Json classes = Json::object();
  for (std::size_t i = 0; i < behind.classes.size(); ++i) {
    if (behind.classes[i] == Duration(0)) continue;
    classes[class_name(stats_, static_cast<std::uint32_t>(i))] = behind.classes[i].count();
  }
  Json obstacles = Json::object();
  for (std::size_t i = 0; i < kObstacleCount; ++i) {
    if (behind.obstacles[i] == Duration(0)) continue;
    obstacles[std::string(name(static_cast<Obstacle>(i)))] = behind.obstacles[i].count();
  }
  return {{"classes_ns", std::move(classes)}, {"obstacles_ns", std::move(obstacles)}};
}

Json Writer::of_activity(const Activity& activity) const {
  return {{"span_ns", activity.span.count()}, {"offered_units", activity.offered},
          {"ended_units", activity.ended},    {"commits", activity.commits},
          {"held_ns", activity.held.count()}, {"wait_ns", of(activity.wait_ns)},
          {"total_ns", of(activity.total_ns)}};
}

Json Writer::of_class(const ClassStats& one) const {
  Json ends = Json::object();
  for (std::size_t i = 0; i < kEndCount; ++i) {
    ends[std::string(name(static_cast<End>(i)))] = one.ends[i];
  }
  Json rejections = Json::array();
  for (const RejectionStats& rejection : one.rejections) {
    rejections.push_back({{"units", rejection.units},
                          {"last", of(rejection.last)},
                          {"last_age_ns", age(rejection.when)}});
  }
  Json timeline = Json::array();
  for (const ActivityPoint& point : one.timeline) {
    timeline.push_back({{"from_age_ns", age(point.from)},
                        {"span_ns", point.span.count()},
                        {"offered_units", point.offered},
                        {"ended_units", point.ended},
                        {"held_ns", point.held.count()},
                        {"wait_p50_ns", point.wait_p50_ns},
                        {"wait_p99_ns", point.wait_p99_ns},
                        {"wait_max_ns", point.wait_max_ns}});
  }
  return {{"name", one.name},
          {"offered_units", one.offered},
          {"accepted_units", one.accepted},
          {"refused_units", one.refused},
          {"ends_units", std::move(ends)},
          {"rejections", std::move(rejections)},
          {"in_flight_units", one.in_flight},
          {"queued_records", one.queued_records},
          {"queued_bytes", one.queued_bytes},
          {"wait_ns", of(one.wait_ns)},
          {"total_ns", of(one.total_ns)},
          {"commits", one.commits},
          {"held_ns", one.held.count()},
          {"minute", of_activity(one.minute)},
          {"recent", of_activity(one.recent)},
          {"timeline", std::move(timeline)},
          {"behind", of_behind(one.behind)},
          {"behind_minute", of_behind(one.behind_minute)},
          {"worst_wait_ticks", one.worst_wait_ticks},
          {"journaled_position", one.journaled_position},
          {"applied_position", one.applied_position},
          {"dead_letters_units", one.dead_letters}};
}

Json Writer::of_site(const CallSiteStats& site) const {
  return {{"class", class_name(stats_, site.write_class)},
          {"label", site.label},
          {"all", of_activity(site.all)},
          {"minute", of_activity(site.minute)},
          {"recent", of_activity(site.recent)}};
}

Json Writer::of_tick(const TickStats& tick) const {
  Json parts = Json::array();
  for (const TickPart& part : tick.parts) {
    parts.push_back({{"class", class_name(stats_, part.write_class)},
                     {"units", part.units},
                     {"records", part.records},
                     {"bytes", part.bytes},
                     {"statements_ns", part.statements.count()}});
  }
  return {{"began_age_ns", age(tick.began)},
          {"hold_ns", tick.hold.count()},
          {"statements_ns", tick.statements.count()},
          {"commit_ns", tick.commit_time.count()},
          {"commit", tick.commit},
          {"attempts", tick.attempts},
          {"longest_step", tick.longest_step},
          {"longest_step_ns", tick.longest_step_time.count()},
          {"parts", std::move(parts)}};
}

Json Writer::of_unit(const SlowUnitStats& unit) const {
  return {{"class", class_name(stats_, unit.write_class)},
          {"label", unit.label},
          {"pushed_age_ns", age(unit.pushed)},
          {"wait_ns", unit.wait.count()},
          {"total_ns", unit.total.count()},
          {"commit", unit.commit},
          {"behind", of_behind(unit.behind)}};
}

Json of(const DiskTimeStats& disk) {
  return {{"floor_ns", disk.floor.count()}, {"bytes_per_s", disk.bytes_per_s}};
}

template <class Process>
Json of_processes(const std::vector<Process>& all) {
  Json out = Json::array();
  for (const Process& each : all) out.push_back({{"pid", each.pid}, {"name", each.name}});
  return out;
}

Json Writer::of_log() const {
  const LogStats& log = stats_.log;
  return {{"limit_bytes", log.limit_bytes},
          {"bytes", log.bytes},
          {"max_bytes", log.bytes_max},
          {"written_bytes", log.written_bytes},
          {"passes", log.passes},
          {"closings", log.closings},
          {"closing_hold_ns", of(log.closing_hold_ns)},
          {"late_closings", log.late_closings},
          {"disk", {{"log", of(log.disk.log)}, {"database", of(log.disk.database)}}},
          {"pinned_bytes", log.pinned_bytes},
          {"pinned_age_ns", age(log.pinned_since)},
          {"readers", of_processes(log.readers)},
          {"blocked", of(log.blocked)},
          {"full", log.full},
          {"ballast_bytes", log.ballast_bytes},
          {"hazard", log.hazard}};
}

Json Writer::of_intake() const {
  const IntakeStats& intake = stats_.intake;
  return {{"segments", intake.segments},
          {"bytes", intake.bytes},
          {"written_bytes", intake.written_bytes},
          {"padding_bytes", intake.padding_bytes},
          {"units", intake.units},
          {"waits", intake.waits},
          {"units_per_group", of(intake.units_per_group)},
          {"sync_ns", of(intake.sync_ns)},
          {"oldest_age_ns", age(intake.oldest)},
          {"replayed_units", intake.replayed},
          {"replayed_letters_units", intake.replayed_letters},
          {"replay_ns", intake.replay.count()}};
}

Json of(const TraceStats& trace) {
  return {{"bytes", trace.bytes},
          {"ticks", trace.ticks},
          {"lost_ticks", trace.lost_ticks},
          {"ended", trace.ended ? Json(name(*trace.ended)) : Json()}};
}

Json of(const ServerStats& server) {
  return {{"name", server.name},
          {"connections", server.connections},
          {"answer_ns", of(server.answer_ns)},
          {"lock_holders", of_processes(server.lock_holders)}};
}

Json Writer::of_lane() const {
  Json ends = Json::object();
  for (std::size_t i = 0; i < kTickEndCount; ++i) {
    ends[std::string(name(static_cast<TickEnd>(i)))] = stats_.tick_ends[i];
  }
  return {{"open_ns", stats_.open.count()},
          {"held_ns", stats_.held.count()},
          {"occupancy_ratio", stats_.occupancy},
          {"hold_ns", of(stats_.hold_ns)},
          {"sync_ns", of(stats_.sync_ns)},
          {"units_per_tick", of(stats_.units_per_tick)},
          {"bytes_per_tick", of(stats_.bytes_per_tick)},
          {"epoch", stats_.epoch},
          {"committed", stats_.committed},
          {"durable", stats_.durable},
          {"ticks", stats_.ticks},
          {"tick_ends", std::move(ends)},
          {"caller_ticks", stats_.caller_ticks},
          {"attempts", stats_.attempts},
          {"conflicts", stats_.conflicts},
          {"busy", stats_.busy},
          {"fences", stats_.fences},
          {"overlong_steps", stats_.overlong_steps},
          {"longest_step", stats_.longest_step},
          {"longest_step_ns", stats_.longest_step_time.count()}};
}

Json of(const Verdict& verdict) {
  return {{"ok", verdict.ok},
          {"condition", verdict.condition},
          {"offender", name(verdict.offender)},
          {"offender_name", verdict.offender_name},
          {"blame", verdict.blame},
          {"victims", verdict.victims}};
}

std::string_view name_of(Standing standing) {
  if (standing == Standing::closed) return "closed";
  return standing == Standing::forked ? "forked" : "running";
}

Json Writer::all(const About& about) const {
  Json classes = Json::array();
  for (const ClassStats& one : stats_.classes) classes.push_back(of_class(one));
  Json sites = Json::array();
  for (const CallSiteStats& site : stats_.call_sites) sites.push_back(of_site(site));
  Json ticks = Json::array();
  for (const TickStats& tick : stats_.slowest_ticks) ticks.push_back(of_tick(tick));
  Json units = Json::array();
  for (const SlowUnitStats& unit : stats_.slowest_units) units.push_back(of_unit(unit));
  const auto condition = about.health.condition;
  return {{"schema", kSchema},
          {"onelane_version", ONELANE_VERSION_STRING},
          {"title", about.title},
          {"note", about.note},
          {"unix_time_s", about.unix_time ? Json(*about.unix_time) : Json()},
          {"standing", name_of(about.standing)},
          {"health",
           {{"ok", about.health.ok()},
            {"condition", condition ? Json(name(*condition)) : Json()},
            {"cause", of(about.health.cause)}}},
          {"poison", of(stats_.poison)},
          {"verdict", of(judge(stats_, about))},
          {"lane", of_lane()},
          {"classes", std::move(classes)},
          {"call_sites", std::move(sites)},
          {"slowest_ticks", std::move(ticks)},
          {"slowest_units", std::move(units)},
          {"foreign",
           {{"changes", stats_.foreign.changes},
            {"lock_waits", stats_.foreign.lock_waits},
            {"lock_wait_ns", of(stats_.foreign.lock_wait_ns)}}},
          {"log", of_log()},
          {"intake", of_intake()},
          {"trace", of(stats_.trace)},
          {"server", of(stats_.server)}};
}

}  // namespace

std::string json(const JournalStats& stats, const About& about) {
  return Writer(stats).all(about).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace onelane::inline v0::render
