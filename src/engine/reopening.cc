#include "src/engine/reopening.h"

#include <algorithm>
#include <utility>

#include "src/base/memory.h"
#include "src/engine/replay.h"
#include "src/intake/segments.h"

namespace onelane::inline v0::engine {

namespace {

const FoundProgress* find(std::span<const FoundProgress> all, std::string_view name) {
  for (const FoundProgress& each : all) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

std::string text(Position position) { return std::to_string(position); }

Status mismatch(const std::string& what) {
  return {Errc::invalid_argument,
          what + "; see IntakeOptions::on_mismatch, after you have looked for the right one"};
}

}  // namespace

Position FoundIntake::newest(std::string_view name) const {
  Position out = 0;
  if (const FoundProgress* progress = find(classes, name); progress != nullptr) {
    out = std::max(progress->position, progress->journaled);
  }
  if (contents == nullptr) return out;
  for (const intake::ClassContents& each : contents->classes()) {
    if (each.name == name) out = std::max(out, each.last);
  }
  return out;
}

Result<FoundIntake> Reopening::run() {
  FoundIntake found;
  Status why = look(found);
  if (!why.ok() && found.lock == nullptr) return why;
  if (why.ok()) why = fits(found);
  if (!why.ok()) {
    const bool unfit = why.code() == Errc::invalid_argument || why.code() == Errc::corrupt;
    if (!unfit || options_.on_mismatch != IntakeMismatch::discard) return why;
    if (Status forgotten = forget(found); !forgotten.ok()) return forgotten;
  }
  if (found.contents == nullptr || found.contents->units() == 0) return found;
  const TimePoint began = clock_.now();
  if (why = replay(found); !why.ok()) return why;
  found.took = clock_.now() - began;
  return found;
}

Status Reopening::look(FoundIntake& found) {
  AppliedPositions* const store = sink_.applied_positions();
  if (store == nullptr || options_.folder.empty()) return {};
  Result<std::optional<IntakeMark>> mark = store->mark();
  if (!mark) return mark.status();
  found.mark = *mark;
  if (found.mark) {
    if (Status why = read_classes(found); !why.ok()) return why;
  }
  Result<std::unique_ptr<intake::Folder>> folder = intake::storage().open(options_.folder);
  if (!folder) return folder.status();
  if (*folder == nullptr) return {};
  Result<std::unique_ptr<intake::FolderLock>> lock = (*folder)->lock();
  if (!lock) return lock.status();
  Result<std::unique_ptr<intake::Contents>> contents = intake::Contents::read(**folder);
  found.folder = *std::move(folder);
  found.lock = *std::move(lock);
  if (!contents) return contents.status();
  if ((*contents)->uuid()) found.contents = *std::move(contents);
  return {};
}

std::string Reopening::where(const FoundIntake& found) const {
  return "the intake " +
         (found.folder == nullptr ? options_.folder.string() : found.folder->path());
}

// invalid_argument if the two do not belong together.
Status Reopening::fits(const FoundIntake& found) const {
  const intake::Contents* const kept = found.contents.get();
  if (kept == nullptr) {
    if (!found.mark || found.mark->clean || found.mark->copied) return {};
    return mismatch(where(found) +
                    " is gone, and this database was not closed in good order with it: what was "
                    "journaled there, and not committed yet, would be lost");
  }
  if (!found.mark) {
    if (kept->units() == 0) return {};  // it was made, and the database never told
    if (options_.on_mismatch == IntakeMismatch::roll_forward) return classes_fit(found);
    return mismatch(where(found) + " has " + std::to_string(kept->units()) +
                    " units, and this database never had an intake: it is another one's");
  }
  if (found.mark->uuid != *kept->uuid()) {
    const bool needs_none = found.mark->clean || found.mark->copied;
    if (needs_none && kept->units() == 0) return {};  // it was made, and the database never told
    return mismatch(where(found) + " is another database's: it has the UUID " +
                    intake::to_string(*kept->uuid()) + ", this database " +
                    intake::to_string(found.mark->uuid));
  }
  return classes_fit(found);
}

Status Reopening::classes_fit(const FoundIntake& found) const {
  const intake::Contents* const kept = found.contents.get();
  // It may have more, or less, of units that were never acknowledged: see IntakeMark::opening.
  const bool opening = found.mark && found.mark->opening;
  const bool complete = opening || (found.mark && found.mark->clean);
  for (const intake::ClassContents& each : kept->classes()) {
    const FoundProgress* const progress = find(found.classes, each.name);
    Status why = opening ? Status() : ends_fit(each, progress);
    if (why.ok()) why = class_fits(each, progress);
    if (!why.ok()) return why;
  }
  for (const FoundProgress& each : found.classes) {
    const bool missing = std::none_of(kept->classes().begin(), kept->classes().end(),
                                      [&](const auto& one) { return one.name == each.name; });
    if (missing && each.journaled > each.position && !complete) {
      return mismatch(where(found) + " has nothing of class \"" + each.name +
                      "\", of which this database knows units up to " + text(each.journaled));
    }
  }
  return {};
}

namespace {

std::string applied_up_to(const intake::ClassContents& kept, Position position) {
  return "class \"" + kept.name + "\": the database has applied its units up to " + text(position);
}

}  // namespace

// What the intake ends with is what the database knows.
Status Reopening::ends_fit(const intake::ClassContents& kept, const FoundProgress* known) const {
  const FoundProgress none;
  const FoundProgress& has = known == nullptr ? none : *known;
  const std::string of = applied_up_to(kept, has.position);
  if (kept.last == 0 && kept.newest > has.position) {
    return mismatch(of + ", while the intake knew those up to " + text(kept.newest) +
                    ", which it does not have any more: the database was replaced by an older one");
  }
  if (kept.last != 0 && std::max(has.position, has.journaled) > kept.last) {
    return mismatch(of + ", and knows of " + text(std::max(has.position, has.journaled)) +
                    ", while the intake ends at " + text(kept.last) +
                    ": it was truncated, or is older");
  }
  return {};
}

Status Reopening::class_fits(const intake::ClassContents& kept, const FoundProgress* known) const {
  const FoundProgress none;
  const FoundProgress& has = known == nullptr ? none : *known;
  const std::string of = applied_up_to(kept, has.position);
  if (has.position < kept.applied && options_.on_mismatch != IntakeMismatch::roll_forward) {
    return mismatch(of + ", while the intake knew those up to " + text(kept.applied) +
                    " to be in it: the database was replaced by an older one");
  }
  const Position needed = has.waiting.empty() ? has.position + 1 : has.waiting.front();
  if (kept.first > needed) {
    return mismatch(of + ", while the intake begins at " + text(kept.first) +
                    ": what is between is in neither");
  }
  return {};
}

// Removes the segments, and marks the database as one that needs no intake. An intake that is made
// later goes on with the database's positions.
Status Reopening::forget(FoundIntake& found) {
  found.contents.reset();
  if (found.folder != nullptr) {
    const Result<std::vector<std::string>> names = found.folder->list();
    if (!names) return names.status();
    for (const std::string& name : *names) {
      if (!intake::segment_index(name)) continue;
      if (intake::Done removed = found.folder->remove(name); !removed.ok()) return removed.cause;
    }
    if (intake::Done synced = found.folder->sync(); !synced.ok()) return synced.cause;
  }
  if (!found.mark) return {};
  found.mark = IntakeMark{.uuid = intake::make_uuid(), .clean = true};
  AppliedPositions& store = *sink_.applied_positions();
  if (Status why = store.set_mark(*found.mark); !why.ok()) return why;
  return read_classes(found);
}

Status Reopening::read_classes(FoundIntake& found) {
  Result<std::vector<FoundProgress>> classes = sink_.applied_positions()->found();
  if (!classes) return classes.status();
  found.classes = *std::move(classes);
  return {};
}

bool Reopening::all_is_done(const FoundIntake& found) {
  const auto& kept = found.contents->classes();
  return std::all_of(kept.begin(), kept.end(), [&](const intake::ClassContents& each) {
    const FoundProgress* const progress = find(found.classes, each.name);
    const Position done = progress == nullptr ? 0 : progress->position;
    return done >= each.last && (progress == nullptr || progress->waiting.empty());
  });
}

// The database says first that it may soon have more than a power cut leaves of the intake.
Status Reopening::replay(FoundIntake& found) {
  AppliedPositions& store = *sink_.applied_positions();
  const bool another = !found.mark || found.mark->uuid != *found.contents->uuid();
  if (another || (!found.mark->opening && !all_is_done(found))) {
    const IntakeMark mark{.uuid = *found.contents->uuid(), .opening = true};
    if (Status why = store.set_mark(mark); !why.ok()) return why;
    found.mark = mark;
    if (Status why = read_classes(found); !why.ok()) return why;
  }
  Replay replay({.sink = sink_, .store = store, .statements = statements_, .clock = clock_},
                *found.contents, found.classes);
  if (Status why = replay.run(); !why.ok()) return why;
  found.replayed = replay.units();
  found.letters = replay.dead_letters();
  if (Status why = read_classes(found); !why.ok()) return why;
  if (sink_.commit_is_durable() || sink_.commit_sync() == nullptr) return {};
  const Reply synced = sink_.commit_sync()->sync();
  return synced.ok() ? Status() : synced.cause;
}

}  // namespace onelane::inline v0::engine
