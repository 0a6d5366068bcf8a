#include "onelane/receipt.h"

#include <utility>

#include "src/ack/settle.h"
#include "src/base/parker.h"
#include "src/engine/core.h"

namespace onelane::inline v0 {

void Receipt::drop() noexcept { entry_->release(); }

Result<Outcome> Receipt::wait(Promise promise, std::optional<Duration> timeout) {
  if (Status why = core_->wait(*entry_, promise, timeout); !why.ok()) return why;
  return core_->outcome(*entry_);
}

Result<Outcome> Receipt::wait() { return wait(entry_->promise, std::nullopt); }
Result<Outcome> Receipt::wait_for(Duration timeout) { return wait(entry_->promise, timeout); }
Result<Outcome> Receipt::wait_durable() { return wait(Promise::durable, std::nullopt); }
Result<Outcome> Receipt::wait_durable_for(Duration timeout) {
  return wait(Promise::durable, timeout);
}

std::optional<Outcome> Receipt::poll() const {
  if (!entry_->settled()) return std::nullopt;
  return core_->outcome(*entry_);
}

bool Receipt::cancel() {
  if (core_->forked() || !entry_->settle_queued(End::cancelled)) return false;
  // A coroutine may be suspended on it.
  base::Calls calls;
  if (detail::Waiter* who = entry_->close_watch(); who != nullptr) who->wake(calls);
  return true;
}

detail::ReceiptAwaiter Receipt::on(Executor& executor) { return {*this, executor}; }

namespace detail {

ReceiptAwaiter::ReceiptAwaiter(Receipt& receipt, Executor& executor)
    : receipt_(receipt), executor_(executor) {
  promise = receipt.entry_->promise;
}

bool ReceiptAwaiter::await_ready() const noexcept { return receipt_.core_->kept(*receipt_.entry_); }

bool ReceiptAwaiter::await_suspend(std::coroutine_handle<> handle) noexcept {
  handle_ = handle;
  // Settled meanwhile: its commit may still have to become durable.
  return receipt_.entry_->watch(*this) || receipt_.core_->watch(*receipt_.entry_, *this);
}

Outcome ReceiptAwaiter::await_resume() const { return receipt_.core_->outcome(*receipt_.entry_); }

void ReceiptAwaiter::wake(base::Calls& calls) noexcept {
  const Followers others = followers;  // the coroutine may end, and this with it, once posted
  calls.send();                        // nobody else is to wait for the executor
  executor_.post(handle_);
  ack::wake_all(others, calls);
}

}  // namespace detail

}  // namespace onelane::inline v0
