// Brings the store's schema to the program's version, before the journal runs. One thread.
#pragma once

#include <span>

#include "onelane/options.h"
#include "onelane/sink.h"
#include "src/engine/recorder.h"

namespace onelane::inline v0::engine {

class Migrating {
 public:
  struct Parts {
    Sink& sink;
    Recorder& recorder;
    const Clock& clock;
  };
  // All of the parts must outlive it.
  explicit Migrating(const Parts& parts) : with_(parts) {}

  // Runs those above the store's version, each in a transaction of its own. Errors as
  // Journal::open.
  Status run(std::span<const Migration> migrations);

 private:
  Status commit(const Migration& migration, SchemaVersion& version);
  Reply apply(const Migration& migration, SchemaVersion& version);
  Reply step(const Migration& migration);
  Reply finish();

  const Parts with_;
};

}  // namespace onelane::inline v0::engine
