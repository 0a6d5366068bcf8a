#include "onelane/journal.h"

#include <utility>

#include "src/base/check.h"
#include "src/base/memory.h"
#include "src/engine/core.h"
#include "src/sqlite/sqlite_sink.h"

namespace onelane::inline v0 {

using base::sheltered;

Result<Journal> Journal::open(const std::filesystem::path& path, const JournalOptions& options) {
  return sheltered([&]() -> Result<Journal> {
    if (Status why = validate(options); !why.ok()) return why;
    Result<std::unique_ptr<Sink>> sink = sqlite::open_sink(path, options);
    if (!sink) return sink.status();
    return Journal(detail::Core::make(std::move(*sink), options));
  });
}

Result<Journal> Journal::open(std::unique_ptr<Sink> sink, const JournalOptions& options) {
  return sheltered([&]() -> Result<Journal> {
    if (Status why = validate(options); !why.ok()) return why;
    if (sink == nullptr) return Status(Errc::invalid_argument, "the sink is null");
    return Journal(detail::Core::make(std::move(sink), options));
  });
}

Journal::Journal(std::shared_ptr<detail::Core> core) noexcept : core_(std::move(core)) {}
Journal::Journal(Journal&&) noexcept = default;

Journal& Journal::operator=(Journal&& other) noexcept {
  if (this == &other) return *this;
  end();
  core_ = std::move(other.core_);
  return *this;
}

Journal::~Journal() { end(); }

void Journal::end() noexcept {
  if (core_ == nullptr || core_->forked()) return;
  ONELANE_CHECK(!core_->in_lane(), 0);  // a job's step must not destroy the journal it runs in
  core_->close(core_->close_timeout());
}

Result<WriteClass> Journal::add_class(const ClassOptions& options) {
  return sheltered([&]() -> Result<WriteClass> {
    const Result<std::uint32_t> index = core_->add_class(options);
    if (!index) return index.status();
    return WriteClass(core_, *index);
  });
}

Result<Statement> Journal::add_statement(const StatementSpec& spec) {
  return sheltered([&] { return core_->add_statement(spec); });
}

Status Journal::flush(std::optional<Duration> timeout) {
  return sheltered([&] { return core_->flush(timeout); });
}

Status Journal::sync(std::optional<Duration> timeout) {
  return sheltered([&] { return core_->sync(timeout); });
}

Result<std::uint64_t> Journal::commits_of(std::uint64_t epoch) {
  return sheltered([&] { return core_->commits_of(epoch); });
}

CloseReport Journal::close(Duration deadline) { return core_->close(deadline); }
Result<TickReport> Journal::tick() {
  return sheltered([&] { return core_->tick(); });
}
JournalStats Journal::stats() const { return core_->stats(); }
TimePoint Journal::now() const { return core_->clock().now(); }

}  // namespace onelane::inline v0
