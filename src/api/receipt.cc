#include "onelane/receipt.h"

#include <new>
#include <utility>

#include "src/ack/settle.h"
#include "src/api/awaiting.h"
#include "src/engine/core.h"
#include "src/engine/refusals.h"

namespace onelane::inline v0 {

void Receipt::drop() noexcept { entry_->release(); }

Result<Outcome> Receipt::wait(std::optional<Promise> promise, std::optional<Duration> timeout) {
  if (!valid()) return engine::empty_status("receipt");
  const Promise awaited = promise.value_or(entry_->promise);
  if (Status why = core_->waiting().wait(*entry_, awaited, timeout); !why.ok()) return why;
  return core_->waiting().outcome(*entry_);
}

Result<Outcome> Receipt::wait() { return wait(std::nullopt, std::nullopt); }
Result<Outcome> Receipt::wait_for(Duration timeout) { return wait(std::nullopt, timeout); }
Result<Outcome> Receipt::wait_durable() { return wait(Promise::durable, std::nullopt); }
Result<Outcome> Receipt::wait_durable_for(Duration timeout) {
  return wait(Promise::durable, timeout);
}

std::optional<Outcome> Receipt::poll() const {
  if (!valid() || !entry_->settled()) return std::nullopt;
  return core_->waiting().outcome(*entry_);
}

std::optional<Journey> Receipt::journey() const {
  return valid() ? core_->journey(*entry_) : std::nullopt;
}

bool Receipt::cancel() {
  if (!valid() || core_->turn().forked() || !core_->waiting().cancel(*entry_)) return false;
  // A coroutine may be suspended on it.
  if (detail::Waiter* who = entry_->close_watch(); who != nullptr) who->wake();
  return true;
}

detail::ReceiptAwaiter Receipt::on(Executor& executor) { return {*this, executor}; }
detail::JournaledAwaiter Receipt::journaled_on(Executor& executor) { return {*this, executor}; }

Result<Journaled> Receipt::wait_journaled(std::optional<Duration> timeout) {
  if (!valid()) return engine::empty_status("receipt");
  return core_->waiting().wait_journaled(*entry_, timeout);
}

Result<Journaled> Receipt::wait_journaled() { return wait_journaled(std::nullopt); }
Result<Journaled> Receipt::wait_journaled_for(Duration timeout) {
  return wait_journaled(std::optional(timeout));
}

std::optional<Journaled> Receipt::poll_journaled() const {
  if (!valid() || !entry_->is_journaled()) return std::nullopt;
  return Journaled{.position = entry_->position};
}

namespace detail {

Awaiter::Awaiter(const Receipt& receipt, Executor& executor,
                 std::optional<Promise> promise) noexcept
    : core_(receipt.core_), entry_(receipt.entry_), executor_(executor) {
  if (entry_ == nullptr) {
    refused_ = engine::empty_status("receipt");
    return;
  }
  entry_->retain();
  awaited_ = promise.value_or(entry_->end_promise());
  if (awaited_ == Promise::journaled) refused_ = core_->waiting().may_await_journaled(*entry_);
}

Awaiter::~Awaiter() {
  if (awaiting_ != nullptr) {
    if (!resumed_) awaiting_->abandon(*entry_);
    // abandon() may give back the waker's reference; this one is ours.
    awaiting_->release();  // NOLINT(clang-analyzer-cplusplus.NewDelete)
  }
  if (entry_ != nullptr) entry_->release();
}

bool Awaiter::await_ready() const noexcept {
  return !refused_.ok() || core_->waiting().decided(*entry_, awaited_);
}

// Once it is watched for, the coroutine may go on elsewhere, and this be gone.
bool Awaiter::await_suspend(std::coroutine_handle<> handle) {
  const std::shared_ptr<Core> core = core_;
  entry_->retain();
  const EntryRef entry(entry_);
  Awaiting* const awaiting = awaiting_ = new Awaiting(handle, executor_, awaited_);
  const Entry::Watch watch = entry->watch(*awaiting);
  if (watch == Entry::Watch::begun) {
    if (core->waiting().keeps_watching(*entry, *awaiting)) return true;
  } else if (watch == Entry::Watch::occupied) {
    refused_ = engine::occupied_status();
  } else if (core->waiting().watch(*entry, *awaiting)) {
    return true;  // settled meanwhile, but its commit has to become durable
  }
  delete std::exchange(awaiting_, nullptr);
  return false;
}

const Status& Awaiter::resume() noexcept {
  resumed_ = true;
  return refused_;
}

Outcome ReceiptAwaiter::await_resume() {
  if (const Status& refused = resume(); !refused.ok()) return {.cause = refused};
  return core_->waiting().outcome(*entry_);
}

Result<Journaled> JournaledAwaiter::await_resume() {
  if (const Status& refused = resume(); !refused.ok()) return refused;
  return core_->waiting().journaled(*entry_);
}

}  // namespace detail

}  // namespace onelane::inline v0
