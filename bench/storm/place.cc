#include "bench/storm/place.h"

#include "bench/storm/direct.h"
#include "bench/storm/lane.h"

namespace onelane::bench::storm {
namespace {

class FilePlace : public Place {
 public:
  FilePlace(const StormOptions& options, std::filesystem::path database)
      : options_(options), database_(std::move(database)) {}

  std::unique_ptr<Strategy> open(StrategyKind kind) override {
    if (kind == StrategyKind::direct) return make_direct(options_, database_);
    const Promise promise = promised(kind);
    return make_lane(options_, promise, file_store(database_, journal_options(options_, promise)));
  }

  std::unique_ptr<Reader> reader() override { return make_file_reader(database_); }

 private:
  const StormOptions& options_;
  std::filesystem::path database_;
};

}  // namespace

std::unique_ptr<Place> make_file_place(const StormOptions& options,
                                       const std::filesystem::path& database) {
  return std::make_unique<FilePlace>(options, database);
}

Promise promised(StrategyKind kind) {
  switch (kind) {
    case StrategyKind::durable:
      return Promise::durable;
    case StrategyKind::journaled:
      return Promise::journaled;
    default:
      return Promise::committed;
  }
}

}  // namespace onelane::bench::storm
