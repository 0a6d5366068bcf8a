// Callers queue up. The first in the queue waits for its turn at the connection. Then it takes all
// callers that wait by now, and commits for them. Those that come meanwhile form the next group:
// the longer a commit takes, the larger the next group.
#include <atomic>
#include <exception>

#include "bench/contestants/makers.h"
#include "bench/contestants/one_connection.h"
#include "bench/kit/errors.h"

namespace onelane::bench {
namespace {

struct Waiting {
  enum State : int { queued, committed, failed };

  std::span<const KeyValue> rows;
  Waiting* before = nullptr;  // the caller that queued up just before
  std::atomic<int> state{queued};
};

class Leader : public OneConnection {
 public:
  using OneConnection::OneConnection;

 private:
  void write(std::span<const KeyValue> rows) override {
    Waiting self{rows};
    // Once queued, `self.before` is the leader's.
    Waiting* before = last_.load(std::memory_order_relaxed);
    do {
      self.before = before;
    } while (!last_.compare_exchange_weak(before, &self, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    if (before == nullptr) return lead();
    self.state.wait(Waiting::queued, std::memory_order_acquire);
    if (self.state.load(std::memory_order_acquire) == Waiting::failed) {
      throw RunError("the leader of this write failed");
    }
  }

  // At most one caller waits to lead: the one that found the queue empty. Only this empties it.
  void lead() {
    turn_taken_.wait(1, std::memory_order_acquire);
    turn_taken_.store(1, std::memory_order_relaxed);
    Waiting* group = in_order(last_.exchange(nullptr, std::memory_order_acq_rel));
    std::exception_ptr failure = commit_all(group);
    turn_taken_.store(0, std::memory_order_release);
    turn_taken_.notify_one();
    // The group's first is the leader itself.
    wake(group->before, failure ? Waiting::failed : Waiting::committed);
    if (failure) std::rethrow_exception(failure);
  }

  // Reverses the list: `before` is then the caller that came next.
  static Waiting* in_order(Waiting* last) {
    Waiting* first = nullptr;
    while (last != nullptr) {
      Waiting* before = last->before;
      last->before = first;
      first = last;
      last = before;
    }
    return first;
  }

  std::exception_ptr commit_all(const Waiting* group) noexcept {
    try {
      if (group->before == nullptr) {
        commit(group->rows);
        return nullptr;
      }
      count_commit();
      connection().begin();
      for (; group != nullptr; group = group->before) connection().upsert(group->rows);
      connection().commit();
      return nullptr;
    } catch (...) {
      return std::current_exception();
    }
  }

  // A caller that sees its state may be gone at once, and its part of the list with it; of its
  // state notify_one needs the address only.
  static void wake(Waiting* group, Waiting::State state) {
    while (group != nullptr) {
      Waiting* next = group->before;
      group->state.store(state, std::memory_order_release);
      group->state.notify_one();
      group = next;
    }
  }

  std::atomic<Waiting*> last_{nullptr};  // of the queue
  std::atomic<int> turn_taken_{0};       // an int, which the kernel can wait for
};

}  // namespace

std::unique_ptr<Store> make_leader(const StoreOptions& options) {
  return std::make_unique<Leader>(options);
}

}  // namespace onelane::bench
