#include "onelane/journal.h"

#include <exception>
#include <thread>
#include <utility>

#include "src/base/memory.h"
#include "src/base/signals.h"
#include "src/engine/core.h"
#include "src/engine/refusals.h"
#include "src/sqlite/sink/sqlite_sink.h"

namespace onelane::inline v0 {

using base::sheltered;

Result<Journal> Journal::open(const std::filesystem::path& path, const JournalOptions& options) {
  return sheltered([&]() -> Result<Journal> {
    if (Status why = validate(options); !why.ok()) return why;
    Result<std::unique_ptr<Sink>> sink = sqlite::open_sink(path, options);
    if (!sink) return sink.status();
    JournalOptions complete = options;
    std::filesystem::path& folder = complete.intake.folder;
    if (folder.empty()) folder = path.string() + "-intake";
    std::error_code ignored;
    if (auto absolute = std::filesystem::absolute(folder, ignored); !ignored) folder = absolute;
    Result<std::shared_ptr<detail::Core>> core =
        detail::Core::make(std::move(*sink), complete, &sqlite::forgo);
    if (!core) return core.status();
    return Journal(std::move(*core));
  });
}

Result<Journal> Journal::open(std::unique_ptr<Sink> sink, const JournalOptions& options) {
  return sheltered([&]() -> Result<Journal> {
    if (Status why = validate(options); !why.ok()) return why;
    if (sink == nullptr) return Status(Errc::invalid_argument, "the sink is null");
    Result<std::shared_ptr<detail::Core>> core = detail::Core::make(std::move(sink), options);
    if (!core) return core.status();
    return Journal(std::move(*core));
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

namespace {

// The thread that destroys the journal would wait for itself, and so nobody is left to join the one
// that closes it. If the process ends first, what is queued ends with it.
void close_elsewhere(const std::shared_ptr<detail::Core>& core) noexcept {
  try {
    const base::SignalsHeld held;
    std::thread([core] { (void)core->close(core->close_timeout()); }).detach();
  } catch (const std::exception&) {
    detail::Core::leave_open(core);
  }
}

}  // namespace

void Journal::end() noexcept {
  if (core_ == nullptr || core_->turn().forked()) return;
  if (core_->turn().awaits_itself()) return close_elsewhere(core_);
  (void)core_->close(core_->close_timeout());
}

namespace {

// Runs the call on the core, which it keeps: what is called may destroy the Journal (a job's step,
// or a coroutine that is resumed where its ticket is settled).
template <class Call>
auto on(std::shared_ptr<detail::Core> core, const Call& call) -> decltype(call(core)) {
  if (core == nullptr) return engine::empty_status("journal");
  return sheltered([&] { return call(core); });
}

}  // namespace

Result<WriteClass> Journal::add_class(const ClassOptions& options) {
  return on(core_, [&](const auto& core) -> Result<WriteClass> {
    const Result<std::uint32_t> index = core->add_class(options);
    if (!index) return index.status();
    return WriteClass(core, *index);
  });
}

Result<Statement> Journal::add_statement(const StatementSpec& spec) {
  return on(core_, [&](const auto& core) { return core->add_statement(spec); });
}

Status Journal::owns(const WriteClass& write_class) const {
  return on(core_, [&](const auto& core) -> Status {
    if (write_class.core_ == core) return {};
    if (write_class.core_ == nullptr) return engine::empty_status("write class");
    return {Errc::invalid_argument,
            "class \"" + std::string(write_class.name()) + "\" is of another journal"};
  });
}

Status Journal::set_class(const WriteClass& write_class, const ClassOptions& options) {
  if (Status why = owns(write_class); !why.ok()) return why;
  return on(core_, [&](const auto& core) { return core->set_class(write_class.index_, options); });
}

Status Journal::set_tick(const Budget& tick) {
  return on(core_, [&](const auto& core) { return core->set_tick(tick); });
}

Status Journal::flush(std::optional<Duration> timeout) {
  return on(core_, [&](const auto& core) { return core->waiting().flush(timeout); });
}

Status Journal::sync(std::optional<Duration> timeout) {
  return on(core_, [&](const auto& core) { return core->waiting().sync(timeout); });
}

Result<std::uint64_t> Journal::commits_of(std::uint64_t epoch) {
  return on(core_, [&](const auto& core) { return core->commits_of(epoch); });
}

CloseReport Journal::close(Duration timeout) {
  const std::shared_ptr<detail::Core> core = core_;
  if (core == nullptr) return {.ends = {}, .status = engine::empty_status("journal")};
  return core->close(timeout);
}

Result<TickReport> Journal::tick() {
  return on(core_, [&](const auto& core) { return core->tick(); });
}

JournalStats Journal::stats() const { return core_ == nullptr ? JournalStats() : core_->stats(); }
Health Journal::health() const { return core_ == nullptr ? Health() : core_->health(); }
TimePoint Journal::now() const { return core_ == nullptr ? TimePoint() : core_->clock().now(); }

}  // namespace onelane::inline v0
