#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "onelane/testing.h"
#include "tests/conformance/sinks.h"

namespace onelane::test {

namespace {

using testing::Ability;
using testing::MemorySink;
using testing::MemoryStore;
using testing::StoredThing;

// What the store is to refuse, as its tables would.
Status judge(const MemoryStore::AppliedRow& row) {
  if (row.sql == "remove") return {};
  if (!std::holds_alternative<std::int64_t>(row.values[0])) return {Errc::record, "id: a type"};
  const auto* const text = std::get_if<std::string>(&row.values[1]);
  if (text == nullptr) return {Errc::record, "text: not null"};
  return *text == "refused" ? Status(Errc::record, "text: a check") : Status();
}

// The rows' SQL is not run: here is what it means.
class InMemory final : public testing::StoreUnderTest {
 public:
  InMemory() { store_->refuse(judge); }

  Result<std::unique_ptr<Sink>> open() override {
    return std::unique_ptr<Sink>(std::make_unique<MemorySink>(store_));
  }
  std::vector<StoredThing> things() override {
    std::vector<StoredThing> out;
    for (const MemoryStore::AppliedRow& row : store_->rows()) {
      const std::int64_t id = std::get<std::int64_t>(row.values[0]);
      const auto found = std::find_if(out.begin(), out.end(),
                                      [id](const StoredThing& each) { return each.id == id; });
      if (row.sql == "remove") {
        if (found != out.end()) out.erase(found);
      } else if (row.sql == "set" && found != out.end()) {
        found->text = std::get<std::string>(row.values[1]);
      } else {
        out.push_back({id, std::get<std::string>(row.values[1])});
      }
    }
    return out;
  }
  std::optional<std::size_t> dead_letters() override { return store_->dead_letters().size(); }

 private:
  std::shared_ptr<MemoryStore> store_ = std::make_shared<MemoryStore>();
};

}  // namespace

testing::SinkUnderTest memory_under_test() {
  const std::string no_sql = "a MemorySink runs no SQL";
  return {
      .name = "memory",
      .sql = {.put = "put", .set = "set", .remove = "remove", .put_mistyped = "put_mistyped"},
      .absences = {{Ability::jobs, no_sql},
                   {Ability::preparing, no_sql},
                   {Ability::changes, no_sql},
                   {Ability::rowids, no_sql},
                   {Ability::returning, no_sql},
                   {Ability::migrations, "a MemoryStore has no schema"},
                   {Ability::outages, "memory does not fail"},
                   {Ability::pipelining, "memory answers at once"},
                   {Ability::unique, "the judge of a MemoryStore sees one row alone"},
                   {Ability::deferred, "the judge of a MemoryStore sees one row alone"}},
      .make_store = [] { return std::make_unique<InMemory>(); },
  };
}

}  // namespace onelane::test
