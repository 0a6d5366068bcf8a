// The part of a journal's life that is about its intake: opened with the first class that has one,
// ended when the journal is closed.
#include <utility>

#include "src/engine/core.h"
#include "src/engine/migrating.h"

namespace onelane::inline v0::detail {

using engine::ClassLane;

// What an opening finds is applied, whether or not a class will have an intake.
Status Core::reopen() {
  Result<engine::FoundIntake> found =
      engine::Reopening(*sink_, statements_, *clock_, options_.intake).run();
  if (!found) return found.status();
  found_ = *std::move(found);
  replayed_ = found_.replayed;
  replayed_letters_ = found_.letters;
  replay_ = found_.took;
  return {};
}

Status Core::migrate() {
  return engine::Migrating({.sink = *sink_, .recorder = recorder_, .clock = *clock_})
      .run(options_.migrations);
}

Status Core::may_have_intake(const ClassOptions& options) const {
  const auto refused = [&](const char* why) {
    return Status(Errc::invalid_argument, "class \"" + options.name + "\": " + why);
  };
  if (!options.intake) return {};
  if (positions_ == std::nullopt) return refused("the sink keeps no positions for an intake");
  if (options_.intake.folder.empty()) return refused("IntakeOptions::folder names no folder");
  if (!sink_->applied_positions()->buries()) {
    return refused("IntakeOptions::dead_letters names no table for what the database refuses");
  }
  if (!durability_.possible()) return refused("the sink cannot make a commit durable");
  return {};
}

// With the first class that has one. The database knows of it before the first group is written.
Status Core::open_intake() {
  if (pen_.is_open()) return {};
  if (found_.folder == nullptr) {
    Result<std::unique_ptr<intake::Folder>> made = intake::storage().make(options_.intake.folder);
    if (!made) return made.status();
    Result<std::unique_ptr<intake::FolderLock>> lock = (*made)->lock();
    if (!lock) return lock.status();
    found_.folder = *std::move(made);
    found_.lock = *std::move(lock);
  }
  const intake::Contents* const left = found_.contents.get();
  const intake::Uuid uuid = left != nullptr ? *left->uuid() : intake::make_uuid();
  Result<std::unique_ptr<intake::Intake>> made =
      intake::Intake::open({.folder = std::move(found_.folder),
                            .lock = std::move(found_.lock),
                            .uuid = uuid,
                            .limits = {.segment_bytes = options_.intake.segment_bytes,
                                       .most_bytes = options_.intake.most_bytes}},
                           segment_names_, left);
  if (!made) return made.status();
  if (Status why = begin_intake(**made); !why.ok()) return why;
  return pen_.open(*std::move(made));
}

// A crash before the database knows of it leaves an intake without units, which nobody misses.
Status Core::begin_intake(intake::Intake& made) {
  std::vector<intake::Intake::KnownClass> known;
  for (const FoundProgress& each : found_.classes) {
    known.push_back({.name = each.name, .newest = found_.newest(each.name)});
  }
  if (Status why = made.begin(known); !why.ok()) return why;
  AppliedPositions& store = *sink_->applied_positions();
  const IntakeMark mark{.uuid = made.uuid()};
  if (Status why = store.set_mark(mark); !why.ok()) return why;
  if (const std::uint64_t commit = recorder_.count_commit(); !durability_.fence(commit)) {
    return durability_.lost(commit);
  }
  found_.mark = mark;
  Result<std::vector<FoundProgress>> classes = store.found();
  if (!classes) return classes.status();
  found_.classes = *std::move(classes);
  return {};
}

void Core::begin_journaling(ClassLane& lane) {
  if (lane.journaled == nullptr) return;
  engine::JournaledClass& journaled = *lane.journaled;
  for (const FoundProgress& each : found_.classes) {
    if (each.name == lane.name) journaled.applied.start(each.position, each.waiting);
  }
  journaled.newest.store(found_.newest(lane.name));
}

// ok, or why the intake did not end in good order; then the next opening applies what is left.
Status Core::end_intake() {
  if (!found_.mark || !state_.first_error().ok()) return {};
  for (const auto& lane : lanes_.all()) {
    if (lane->tally.ended(static_cast<std::size_t>(End::carried)) != 0) return {};
  }
  if (Status why = pen_.seal(); !why.ok()) return why;
  IntakeMark mark = *found_.mark;
  mark.clean = true;
  return sink_->applied_positions()->set_mark(mark);
}

}  // namespace onelane::inline v0::detail
