// Who makes the others wait.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "onelane/render.h"
#include "src/render/words.h"

namespace onelane::inline v0::render {
namespace {

constexpr std::size_t kVictimsMax = 3;
constexpr std::size_t kCausesMax = 2;        // of a victim's wait that are named
constexpr double kNoticed = 0.01;            // of the last minute: less has no offender
constexpr Duration kVictimWaitMin{100'000};  // at p99: a class that waits less is no victim

// What the classes waited behind in the last minute, their own work aside.
struct Waiting {
  std::vector<Duration> classes;  // by the class that had the lane
  Duration disk{0};               // syncs, checkpoints and pauses
  Duration lock{0};
  Duration span{0};  // of the last minute

  std::size_t longest_class() const {
    return static_cast<std::size_t>(std::max_element(classes.begin(), classes.end()) -
                                    classes.begin());
  }
  Duration behind_class() const { return classes.empty() ? Duration(0) : classes[longest_class()]; }
  Duration most() const { return std::max({behind_class(), disk, lock}); }
};

Duration disk_of(const WaitedBehind& behind) {
  return behind.of(Obstacle::disk) + behind.of(Obstacle::sync) + behind.of(Obstacle::checkpoint);
}

// The class that had the lane longest in the last minute; past the last one of none.
std::size_t top_holder(const JournalStats& stats) {
  const auto top = std::max_element(
      stats.classes.begin(), stats.classes.end(),
      [](const ClassStats& a, const ClassStats& b) { return a.minute.held < b.minute.held; });
  return static_cast<std::size_t>(top - stats.classes.begin());
}

// But for the waiting of class `without`.
Waiting waiting_of(const JournalStats& stats, std::size_t without) {
  Waiting waiting{std::vector<Duration>(stats.classes.size())};
  for (std::size_t victim = 0; victim < stats.classes.size(); ++victim) {
    const ClassStats& one = stats.classes[victim];
    waiting.span = std::max(waiting.span, one.minute.span);
    if (victim == without) continue;
    waiting.disk += disk_of(one.behind_minute);
    waiting.lock += one.behind_minute.of(Obstacle::lock);
    const std::size_t known = std::min(one.behind_minute.classes.size(), waiting.classes.size());
    for (std::size_t holder = 0; holder < known; ++holder) {
      if (holder != victim) waiting.classes[holder] += one.behind_minute.classes[holder];
    }
  }
  return waiting;
}

// Less than a hundredth of the time has no offender.
bool noticed(const Waiting& waiting) {
  const Duration most = waiting.most();
  return most > Duration(0) && share(most, waiting.span) >= kNoticed;
}

// The class that had the lane longest brings about what it waits for itself: its pauses for the
// disk are its own writes. So it counts only where nobody else waits.
Waiting others_waiting(const JournalStats& stats) {
  Waiting waiting = waiting_of(stats, top_holder(stats));
  return noticed(waiting) ? waiting : waiting_of(stats, stats.classes.size());
}

// "the last minute", or what there is of it.
std::string window_text(Duration span) {
  constexpr Duration kMinute{60'000'000'000};
  return span < kMinute ? "the last " + duration_text(span) : "the last minute";
}

// The job whose steps are most of a class's long ticks, if one is.
std::string job_of(const JournalStats& stats, std::uint32_t write_class) {
  Duration all{0};
  std::map<std::string, Duration> jobs;
  for (const TickStats& tick : stats.slowest_ticks) {
    if (tick.parts.empty() || tick.parts.front().write_class != write_class) continue;
    all += tick.hold;
    if (!tick.longest_step.empty()) jobs[tick.longest_step] += tick.longest_step_time;
  }
  for (const auto& [name, time] : jobs) {
    if (time > all / 2) return name;
  }
  return "";
}

void blame_reader(const JournalStats& stats, Verdict& verdict) {
  const LogStats& log = stats.log;
  verdict.offender = Offender::reader;
  const std::vector<std::string> readers = process_texts(log.readers);
  verdict.offender_name = readers.empty() ? "" : readers.front();
  const std::string who = readers.empty() ? "A reader" : listed(readers);
  std::string since;
  if (log.pinned_since && *log.pinned_since <= stats.when) {
    since = " for " + duration_text(stats.when - *log.pinned_since);
  }
  verdict.blame = fmt::format(
      "{} {} kept {} of the log from being copied back{}: the log has {}, of a limit of {}.", who,
      readers.size() > 1 ? "have" : "has", bytes_text(log.pinned_bytes), since,
      bytes_text(log.bytes), bytes_text(log.limit_bytes));
}

void blame_lock(const JournalStats& stats, const Waiting& waiting, Verdict& verdict) {
  const bool at_server = !stats.server.name.empty();
  const std::vector<std::string> holders = process_texts(stats.server.lock_holders);
  verdict.offender = Offender::foreign_writer;
  verdict.offender_name = holders.empty() ? "" : holders.front();
  verdict.blame = fmt::format(
      "{} that is not of this journal has {}, or had it: classes waited {} for it in {}. Since the "
      "opening it kept the lane waiting {}, {} at most.{}",
      at_server ? "A session" : "A writer", at_server ? "a lock" : "the database's write lock",
      duration_text(waiting.lock), window_text(waiting.span),
      counted(stats.foreign.lock_waits, "time", "times"),
      duration_text_ns(stats.foreign.lock_wait_ns.max()),
      holders.empty() ? "" : fmt::format(" It was {} when last seen.", listed(holders)));
}

void blame_disk(const JournalStats& stats, const Waiting& waiting, Verdict& verdict) {
  verdict.offender = Offender::disk;
  if (!stats.server.name.empty()) {
    const Histogram& answers = stats.server.answer_ns;
    verdict.blame = fmt::format(
        "COMMIT at the server is what most waiting goes to: classes waited {} for it in {}. An "
        "answer takes {} at p50 and {} at p99.",
        duration_text(waiting.disk), window_text(waiting.span), duration_text_ns(answers.p50()),
        duration_text_ns(answers.p99()));
    return;
  }
  std::string figures;
  if (stats.sync_ns.count() > 0) {
    figures =
        fmt::format(" A sync takes {} at p50 and {} at p99.", duration_text_ns(stats.sync_ns.p50()),
                    duration_text_ns(stats.sync_ns.p99()));
  } else if (stats.log.disk.log.floor > Duration(0)) {
    figures = fmt::format(" A sync takes at least {}.", duration_text(stats.log.disk.log.floor));
  }
  verdict.blame = fmt::format(
      "The disk is what most waiting goes to: classes waited {} for syncs, checkpoints and pauses "
      "in {}.{}",
      duration_text(waiting.disk), window_text(waiting.span), figures);
}

void blame_class(const JournalStats& stats, const Waiting& waiting, std::uint32_t holder,
                 Verdict& verdict) {
  const ClassStats& one = stats.classes[holder];
  const std::string job = job_of(stats, holder);
  verdict.offender = job.empty() ? Offender::write_class : Offender::job;
  verdict.offender_name = job.empty() ? one.name : job;
  verdict.blame =
      fmt::format("{} held the lane for {} of {}; the others waited {} behind it, all in all.",
                  one.name, percent_text(share(one.minute.held, one.minute.span)),
                  window_text(one.minute.span), duration_text(waiting.classes[holder]));
  if (!job.empty()) {
    verdict.blame += fmt::format(" Most of its long ticks were steps of the job {}.", job);
  }
}

// What a class waited behind, the longest first.
std::string causes_text(const JournalStats& stats, const WaitedBehind& behind) {
  std::vector<std::pair<Duration, std::string>> causes;
  Duration all{0};
  const auto add = [&](Duration time, std::string text) {
    all += time;
    if (time > Duration(0)) causes.emplace_back(time, std::move(text));
  };
  for (std::size_t i = 0; i < behind.classes.size(); ++i) {
    add(behind.classes[i], class_name(stats, static_cast<std::uint32_t>(i)));
  }
  for (std::size_t i = 0; i < kObstacleCount; ++i) {
    add(behind.obstacles[i], std::string(phrase(static_cast<Obstacle>(i))));
  }
  std::stable_sort(causes.begin(), causes.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> named;
  for (const auto& [time, text] : causes) {
    if (named.size() == kCausesMax) break;
    named.push_back(fmt::format("{} ({})", text, percent_text(share(time, all))));
  }
  return listed(named);
}

void name_victims(const JournalStats& stats, Verdict& verdict) {
  std::vector<const ClassStats*> victims;
  for (std::size_t i = 0; i < stats.classes.size(); ++i) {
    const ClassStats& one = stats.classes[i];
    const bool held_by_itself =
        verdict.offender == Offender::write_class && one.name == verdict.offender_name;
    const Duration p99(static_cast<Duration::rep>(one.minute.wait_ns.p99()));
    if (!held_by_itself && p99 >= kVictimWaitMin) victims.push_back(&one);
  }
  std::stable_sort(victims.begin(), victims.end(), [](const ClassStats* a, const ClassStats* b) {
    return a->minute.wait_ns.p99() > b->minute.wait_ns.p99();
  });
  if (victims.size() > kVictimsMax) victims.resize(kVictimsMax);
  for (const ClassStats* one : victims) {
    const std::string causes = causes_text(stats, one->behind_minute);
    verdict.victims.push_back(fmt::format("{} waited {} at p99, {} at most{}.", one->name,
                                          duration_text_ns(one->minute.wait_ns.p99()),
                                          duration_text_ns(one->minute.wait_ns.max()),
                                          causes.empty() ? "" : ", most of it behind " + causes));
  }
}

// Whether anything is wrong with the journal itself; how long its classes wait is left out.
void judge_condition(const JournalStats& stats, const About& about, Verdict& verdict) {
  verdict.ok = false;
  const auto say = [&](std::string_view what, const Status& cause) {
    verdict.condition =
        cause.ok() ? fmt::format("{}.", what) : fmt::format("{}: {}.", what, cause.to_string());
  };
  if (about.standing == Standing::forked) {
    return say("This process was forked from the one that opened the journal, and cannot use it",
               Status());
  }
  if (!stats.poison.ok()) return say("Poisoned, only reopening can cure it", stats.poison);
  if (about.standing == Standing::closed) {
    return say("The journal is closed; these are its last figures", Status());
  }
  const auto condition = about.health.condition;
  if (condition == Condition::poisoned) {
    return say("Poisoned, only reopening can cure it", about.health.cause);
  }
  if (condition == Condition::stalled || stats.log.full) {
    return say("Stalled, the store takes no commits",
               condition == Condition::stalled ? about.health.cause : stats.log.blocked);
  }
  if (condition == Condition::locked_out) {
    return say("Locked out, somebody else has the write lock", about.health.cause);
  }
  if (condition == Condition::log_pinned || stats.log.pinned_bytes != 0) {
    return say("The log is pinned, a reader keeps it from being copied back",
               condition == Condition::log_pinned ? about.health.cause : Status());
  }
  if (condition == Condition::held_back) {
    return say("Held back, the disk is behind and classes pause for it", about.health.cause);
  }
  verdict.ok = true;
  verdict.condition = "All is well.";
}

}  // namespace

Verdict judge(const JournalStats& stats, const About& about) {
  Verdict verdict;
  judge_condition(stats, about, verdict);
  if (about.standing == Standing::forked) return verdict;
  const Waiting waiting = others_waiting(stats);
  const auto condition = about.health.condition;
  const bool locked = condition == Condition::locked_out;
  const bool disk = condition == Condition::stalled || condition == Condition::held_back;
  const bool told = locked || disk;  // else it is as the waits say
  if (stats.log.pinned_bytes != 0) {
    blame_reader(stats, verdict);
  } else if (!told && !noticed(waiting)) {
    verdict.blame = "Lately nobody waited for long behind another class, the disk or a lock.";
  } else if (!told && waiting.most() == waiting.behind_class()) {
    blame_class(stats, waiting, static_cast<std::uint32_t>(waiting.longest_class()), verdict);
  } else if (locked || (!told && waiting.most() == waiting.lock)) {
    blame_lock(stats, waiting, verdict);
  } else {
    blame_disk(stats, waiting, verdict);
  }
  name_victims(stats, verdict);
  return verdict;
}

std::string_view name(Offender offender) noexcept {
  switch (offender) {
    case Offender::nobody:
      return "nobody";
    case Offender::write_class:
      return "write_class";
    case Offender::job:
      return "job";
    case Offender::foreign_writer:
      return "foreign_writer";
    case Offender::reader:
      return "reader";
    case Offender::disk:
      return "disk";
  }
  return "?";
}

}  // namespace onelane::inline v0::render
