#include "onelane/receipt.h"

#include <utility>

#include "src/ack/settle.h"
#include "src/engine/core.h"

namespace onelane::inline v0 {

void Receipt::drop() noexcept { entry_->release(); }

Result<Outcome> Receipt::wait() {
  if (Status why = core_->wait(*entry_, std::nullopt); !why.ok()) return why;
  return entry_->outcome();
}

Result<Outcome> Receipt::wait_for(Duration timeout) {
  if (Status why = core_->wait(*entry_, timeout); !why.ok()) return why;
  return entry_->outcome();
}

std::optional<Outcome> Receipt::poll() const {
  if (!entry_->settled()) return std::nullopt;
  return entry_->outcome();
}

bool Receipt::cancel() {
  if (core_->forked() || !entry_->settle_queued(End::cancelled)) return false;
  // A coroutine may be suspended on it.
  if (detail::Waiter* who = entry_->close_watch(); who != nullptr) who->wake();
  return true;
}

detail::ReceiptAwaiter Receipt::on(Executor& executor) { return {*this, executor}; }

namespace detail {

ReceiptAwaiter::ReceiptAwaiter(Receipt& receipt, Executor& executor)
    : receipt_(receipt), executor_(executor) {}

bool ReceiptAwaiter::await_ready() const noexcept { return receipt_.entry_->settled(); }

bool ReceiptAwaiter::await_suspend(std::coroutine_handle<> handle) noexcept {
  handle_ = handle;
  return receipt_.entry_->watch(*this);
}

Outcome ReceiptAwaiter::await_resume() const { return receipt_.entry_->outcome(); }

void ReceiptAwaiter::wake() noexcept {
  const Followers others = followers;  // the coroutine may end, and this with it, once posted
  executor_.post(handle_);
  ack::wake_all(others);
}

}  // namespace detail

}  // namespace onelane::inline v0
