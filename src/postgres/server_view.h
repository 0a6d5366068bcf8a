// What is seen of the server from here: how long its answers take, how often it was connected to,
// and whose lock it lets us wait for.
#pragma once

#include <atomic>
#include <cstdint>

#include "onelane/sink.h"
#include "src/model/histogram.h"
#include "src/postgres/conninfo.h"
#include "src/postgres/lock_watch.h"

namespace onelane::inline v0::postgres {

class ServerView final : public ServerSide {
 public:
  // It must outlive it.
  explicit ServerView(const Conninfo& conninfo) : conninfo_(conninfo), locks_(conninfo) {}

  // --- By the thread that calls the sink.

  void connected() noexcept { model::add(connections_, 1); }
  void transaction_begins() noexcept { locks_.reset(); }
  // Around the wait for a request's answer.
  LockWatch& locks() noexcept { return locks_; }
  void answered(Duration took) noexcept { answers_.record(took); }

  Duration lock_wait() noexcept override { return locks_.waited(); }
  ServerStats stats() const override {
    return {.name = conninfo_.name(),
            .connections = connections_.load(std::memory_order_relaxed),
            .answer_ns = answers_.snapshot(),
            .lock_holders = locks_.holders()};
  }

 private:
  const Conninfo& conninfo_;
  std::atomic<std::uint64_t> connections_{0};
  model::SharedHistogram answers_;
  LockWatch locks_;
};

}  // namespace onelane::inline v0::postgres
