#include "src/queue/gate.h"

#include <optional>

namespace onelane::inline v0::queue {

bool Gate::wait(std::uint64_t packed, Duration timeout, const std::function<void()>& begun) {
  Queuer self(packed);
  Queuer* called = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_ || !within(packed, max_.load(std::memory_order_relaxed))) return false;
    *std::exchange(end_, &self.next) = &self;
    waiting_.fetch_add(1, std::memory_order_seq_cst);
    called = call_those_who_fit();
  }
  wake(called);
  begun();
  if (!self.parker.park(timeout) && leave(self)) return false;
  wake(self.next);
  return self.granted;
}

// True if it left the queue. False if it was called meanwhile; it has then consumed that call.
bool Gate::leave(Queuer& self) {
  Queuer* called = nullptr;
  {
    std::unique_lock lock(mutex_);
    if (self.called) {
      lock.unlock();
      self.parker.park(std::nullopt);
      return false;
    }
    Queuer** link = &first_;
    while (*link != &self) link = &(*link)->next;
    *link = self.next;
    if (end_ == &self.next) end_ = link;
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    called = call_those_who_fit();  // those behind it may be smaller
  }
  wake(called);
  return true;
}

void Gate::hand_out() {
  Queuer* called = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    called = call_those_who_fit();
  }
  wake(called);
}

// Charges the first waiters that fit, and takes them out of the queue. The caller wakes the first
// of them; each wakes the next.
Gate::Queuer* Gate::call_those_who_fit() {
  Queuer* called = nullptr;
  Queuer** end = &called;
  while (first_ != nullptr && charge(first_->packed)) {
    Queuer* one = std::exchange(first_, first_->next);
    one->next = nullptr;
    one->called = one->granted = true;
    *std::exchange(end, &one->next) = one;
    waiting_.fetch_sub(1, std::memory_order_relaxed);
  }
  if (first_ == nullptr) end_ = &first_;
  return called;
}

// Takes the waiters that are larger than the whole capacity out of the queue, where nobody behind
// them would ever be granted.
Gate::Queuer* Gate::call_those_too_large() {
  const std::uint64_t max = max_.load(std::memory_order_relaxed);
  Queuer* called = nullptr;
  Queuer** end = &called;
  Queuer** link = &first_;
  while (*link != nullptr) {
    Queuer* const one = *link;
    if (within(one->packed, max)) {
      link = &one->next;
      continue;
    }
    *link = std::exchange(one->next, nullptr);
    one->called = true;
    *std::exchange(end, &one->next) = one;
    waiting_.fetch_sub(1, std::memory_order_relaxed);
  }
  end_ = link;
  return called;
}

void Gate::resize(std::uint64_t records_max, std::uint64_t bytes_max) {
  Queuer* refused = nullptr;
  Queuer* granted = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    max_.store(packed(records_max, bytes_max), std::memory_order_relaxed);
    refused = call_those_too_large();
    granted = call_those_who_fit();
  }
  wake(refused);
  wake(granted);
}

void Gate::close() {
  Queuer* refused = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    refused = std::exchange(first_, nullptr);
    end_ = &first_;
    for (Queuer* one = refused; one != nullptr; one = one->next) one->called = true;
    waiting_.store(0, std::memory_order_relaxed);
  }
  wake(refused);
}

}  // namespace onelane::inline v0::queue
