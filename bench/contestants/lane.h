// The common part of contestants that write through a journal, whatever its sink.
#pragma once

#include <optional>

#include "bench/contestants/store.h"
#include "onelane/onelane.h"

namespace onelane::bench {

class Lane : public Store {
 public:
  // Where its rows go. `read` visits all of them once the journal is closed; what it captures stays
  // until the journal is gone.
  struct Place {
    std::function<void(const Visit& visit)> read;
    StatementSpec upsert;
    Journal journal;
  };

  Lane(const StoreOptions& options, Promise promise, Place place);

  std::unique_ptr<Writer> writer() override;
  void drain() override;
  std::uint64_t commits() const override;
  std::optional<IntakeUse> intake() const override;
  void close_and_read(const Visit& visit) override;

 private:
  StoreOptions options_;
  Promise promise_;
  Place place_;
  std::optional<WriteClass> class_;
  Statement statement_;
};

}  // namespace onelane::bench
