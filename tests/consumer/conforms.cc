// A sink of somebody else's, of the five functions that a sink must have, put through the
// conformance suite.
#include <onelane/conformance.h>
#include <onelane/onelane.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using onelane::Reply;
using onelane::Row;
using onelane::Statement;
using onelane::Status;
using onelane::Value;
using onelane::testing::Ability;
using onelane::testing::SinkUnderTest;
using onelane::testing::StoredThing;
using onelane::testing::StoreUnderTest;

using Log = std::vector<std::vector<Value>>;

// Appends the values of rows to a log.
class LogSink final : public onelane::Sink {
 public:
  explicit LogSink(std::shared_ptr<Log> log) : log_(std::move(log)) {}

  Status add_statement(const onelane::StatementSpec&) override { return {}; }
  Reply begin() override { return {}; }
  Reply apply(Statement, std::span<const std::byte> row) override {
    rows_.push_back(onelane::values_of(row).value());
    if (rows_.back()[1] != Value("refused")) return {.changes = 1};
    return {.fault = onelane::Fault::record,
            .effect = onelane::Effect::kept,
            .cause = {onelane::Errc::record, "it is refused"}};
  }
  Reply commit() override {
    std::move(rows_.begin(), rows_.end(), std::back_inserter(*log_));
    rows_.clear();
    return {};
  }
  Reply rollback() override {
    rows_.clear();
    return {};
  }

 private:
  const std::shared_ptr<Log> log_;
  Log rows_;  // of the open transaction
};

class LogStore final : public StoreUnderTest {
 public:
  onelane::Result<std::unique_ptr<onelane::Sink>> open() override {
    return std::unique_ptr<onelane::Sink>(std::make_unique<LogSink>(log_));
  }
  std::vector<StoredThing> things() override {
    std::vector<StoredThing> out;
    for (const std::vector<Value>& row : *log_) {
      out.push_back({std::get<std::int64_t>(row[0]), std::get<std::string>(row[1])});
    }
    return out;
  }

 private:
  std::shared_ptr<Log> log_ = std::make_shared<Log>();
};

}  // namespace

int main() {
  SinkUnderTest sink{.name = "log", .sql = {.put = "append"}};
  const auto has_no = [&sink](std::initializer_list<Ability> abilities, const char* reason) {
    for (const Ability each : abilities) sink.absences.push_back({each, reason});
  };
  has_no({Ability::savepoints, Ability::watermark, Ability::positions, Ability::durability,
          Ability::outages, Ability::pipelining},
         "a log in memory is kept simple");
  has_no({Ability::jobs, Ability::migrations, Ability::preparing, Ability::updates,
          Ability::changes, Ability::rowids, Ability::returning, Ability::unique, Ability::not_null,
          Ability::type, Ability::deferred},
         "a log knows no SQL");
  sink.make_store = [] { return std::make_unique<LogStore>(); };
  return run_conformance(sink, std::cout) == 0 ? 0 : 1;
}
