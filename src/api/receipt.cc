#include "onelane/receipt.h"

#include <new>
#include <utility>

#include "src/ack/settle.h"
#include "src/api/awaiting.h"
#include "src/base/parker.h"
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

bool Receipt::cancel() {
  if (!valid() || core_->turn().forked() || !core_->waiting().cancel(*entry_)) return false;
  // A coroutine may be suspended on it.
  base::Calls calls;
  if (detail::Waiter* who = entry_->close_watch(); who != nullptr) who->wake(calls);
  return true;
}

detail::ReceiptAwaiter Receipt::on(Executor& executor) { return {*this, executor}; }

namespace detail {

ReceiptAwaiter::ReceiptAwaiter(const Receipt& receipt, Executor& executor) noexcept
    : core_(receipt.core_), entry_(receipt.entry_), executor_(executor) {
  if (entry_ != nullptr) {
    entry_->retain();
  } else {
    refused_ = engine::empty_status("receipt");
  }
}

ReceiptAwaiter::~ReceiptAwaiter() {
  if (awaiting_ != nullptr) {
    if (!resumed_) awaiting_->abandon(*entry_);
    // abandon() may give back the waker's reference; this one is ours.
    awaiting_->release();  // NOLINT(clang-analyzer-cplusplus.NewDelete)
  }
  if (entry_ != nullptr) entry_->release();
}

bool ReceiptAwaiter::await_ready() const noexcept {
  return entry_ == nullptr || core_->waiting().decided(*entry_);
}

// Once it is watched for, the coroutine may go on elsewhere, and this be gone.
bool ReceiptAwaiter::await_suspend(std::coroutine_handle<> handle) {
  const std::shared_ptr<Core> core = core_;
  awaiting_ = new Awaiting(handle, executor_, entry_->promise);
  const Entry::Watch watch = entry_->watch(*awaiting_);
  if (watch == Entry::Watch::begun) return true;
  if (watch == Entry::Watch::occupied) {
    refused_ = engine::occupied_status();
  } else if (core->waiting().watch(*entry_, *awaiting_)) {
    return true;  // settled meanwhile, but its commit has to become durable
  }
  delete std::exchange(awaiting_, nullptr);
  return false;
}

Outcome ReceiptAwaiter::await_resume() {
  resumed_ = true;
  if (refused_.ok()) return core_->waiting().outcome(*entry_);
  Outcome out;
  out.cause = refused_;
  return out;
}

}  // namespace detail

}  // namespace onelane::inline v0
