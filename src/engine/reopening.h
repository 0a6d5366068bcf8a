// What an opening does with the intake that it finds: checks that the intake and the store belong
// together, and applies what is left, in the order of its groups. Before the journal takes pushes,
// on the thread that opens it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "onelane/options.h"
#include "onelane/sink.h"
#include "src/commit/committer.h"
#include "src/engine/positions.h"
#include "src/engine/statements.h"
#include "src/intake/contents.h"
#include "src/intake/folder.h"

namespace onelane::inline v0::engine {

// What was found, and is applied by now.
struct FoundIntake {
  std::optional<IntakeMark> mark;              // in the store; none after a discard
  std::vector<FoundProgress> classes;          // as the store has them now
  std::unique_ptr<intake::Folder> folder;      // null: there is none
  std::unique_ptr<intake::FolderLock> lock;    // of the folder
  std::unique_ptr<intake::Contents> contents;  // if the folder has any
  std::uint64_t replayed = 0;                  // units that were committed or refused
  std::uint64_t letters = 0;                   // of these, the refused ones
  Duration took{0};

  // Of a class: the newest position that is known of it.
  Position newest(std::string_view name) const;
};

class Reopening {
 public:
  // All must outlive it.
  Reopening(Sink& sink, Statements& statements, const Clock& clock, const IntakeOptions& options)
      : sink_(sink), statements_(statements), clock_(clock), options_(options) {}

  // Errors: invalid_argument, the two do not fit together, or a statement does not prepare any more
  // and there are no dead letters; corrupt, the intake is damaged; already_open; locked; storage.
  Result<FoundIntake> run();

 private:
  struct Replayed;

  Status look(FoundIntake& found);
  Status read_classes(FoundIntake& found);
  Status fits(const FoundIntake& found) const;
  Status classes_fit(const FoundIntake& found) const;
  Status ends_fit(const intake::ClassContents& kept, const FoundProgress* known) const;
  Status class_fits(const intake::ClassContents& kept, const FoundProgress* known) const;
  static bool all_is_done(const FoundIntake& found);
  Status forget(FoundIntake& found);
  Status replay(FoundIntake& found);
  std::string where(const FoundIntake& found) const;

  Sink& sink_;
  Statements& statements_;
  const Clock& clock_;
  const IntakeOptions& options_;
};

}  // namespace onelane::inline v0::engine
