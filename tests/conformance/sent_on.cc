#include <algorithm>
#include <memory>
#include <utility>

#include "tests/conformance/sinks.h"
#include "tests/support/sending_sink.h"

namespace onelane::test {

namespace {

using testing::Ability;
using testing::Absence;
using testing::StoredThing;
using testing::StoreUnderTest;

class BehindAQueue final : public StoreUnderTest {
 public:
  explicit BehindAQueue(std::unique_ptr<StoreUnderTest> store) : store_(std::move(store)) {}

  Result<std::unique_ptr<Sink>> open() override {
    Result<std::unique_ptr<Sink>> sink = store_->open();
    if (!sink) return sink;
    return std::unique_ptr<Sink>(std::make_unique<SendingSink>(*std::move(sink)));
  }
  std::vector<StoredThing> things() override { return store_->things(); }
  std::optional<std::size_t> dead_letters() override { return store_->dead_letters(); }
  void break_next_commit() override { store_->break_next_commit(); }

 private:
  const std::unique_ptr<StoreUnderTest> store_;
};

}  // namespace

testing::SinkUnderTest sent_on(testing::SinkUnderTest sink) {
  sink.name += "_sent_on";
  std::erase_if(sink.absences,
                [](const Absence& each) { return each.ability == Ability::pipelining; });
  sink.make_store = [make = std::move(sink.make_store)] {
    return std::make_unique<BehindAQueue>(make());
  };
  return sink;
}

}  // namespace onelane::test
