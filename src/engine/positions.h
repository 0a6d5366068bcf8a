// What a commit says of the journaled units in it: how far each class is applied, in the table of
// positions, and the units that the database refused, among the dead letters. The baton holder's.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "onelane/sink.h"
#include "src/commit/committer.h"
#include "src/engine/journaled_class.h"

namespace onelane::inline v0::engine {

class Positions final : public commit::JournaledUnits {
 public:
  // The SQL of a statement, by the number that the entries' rows have.
  using Sql = std::function<std::string_view(std::uint16_t)>;

  // The sink must outlive it.
  Positions(AppliedPositions& store, Sql sql) : store_(store), sql_(std::move(sql)) {}

  // Of entries with this Entry::klass; null for a class without an intake. The class must outlive
  // this. Throws bad_alloc.
  void add_class(std::uint32_t klass, JournaledClass* journaled);

  bool owed(std::span<const commit::Work> work) override;
  Reply write() override;
  // The transaction that it was written in is in the store.
  void committed() noexcept;

 private:
  struct Refused {
    const detail::Entry* unit = nullptr;
    JournaledClass* journaled = nullptr;
  };

  JournaledClass* class_of(const detail::Entry& entry) const;
  void note(const commit::Work& work);
  void note_done(const detail::Entry& entry);
  void note_refused(const detail::Entry& entry);
  Reply bury(const Refused& refused);

  AppliedPositions& store_;
  const Sql sql_;
  std::vector<JournaledClass*> classes_;
  std::vector<JournaledClass*> moved_;  // by the commit
  std::vector<Refused> refused_;        // in it
};

}  // namespace onelane::inline v0::engine
