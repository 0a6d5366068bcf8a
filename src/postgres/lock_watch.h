// Finds out for whose lock the server lets us wait. The answer that is late cannot say so itself,
// so a second connection asks the server, from the thread that waits, while it waits: first after
// kLookAfter, and then again and again.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "onelane/clock.h"
#include "onelane/stats.h"
#include "src/postgres/conninfo.h"

namespace onelane::inline v0::postgres {

class LockWatch {
 public:
  // A wait that is shorter is not seen, and of a longer one up to as much may be missing or too
  // much.
  static constexpr Duration kLookAfter = std::chrono::milliseconds(100);

  explicit LockWatch(const Conninfo& conninfo) : conninfo_(conninfo) {}

  // --- By the thread that waits for answers.

  // A request is on its way on this connection.
  void asked(const PGconn* connection, TimePoint now) noexcept;
  // What is to be waited for besides the answer.
  struct Wish {
    int socket = -1;  // none
    short events = 0;
    TimePoint at{};  // the latest that step() is to be called
  };
  Wish wish() const noexcept { return wish_; }
  void step(TimePoint now) noexcept;
  // The answer is there, or is not waited for any more.
  void answered(TimePoint now) noexcept;

  // How long somebody else's lock was waited for, since reset().
  Duration waited() const noexcept { return waited_; }
  void reset() noexcept { waited_ = Duration(0); }

  // --- Any thread.

  // Who had the lock when that was last seen.
  std::vector<LockHolder> holders() const;

 private:
  enum class Stage : unsigned char { resting, connecting, asking };
  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };

  void look();
  void start();
  void connect();
  void ask();
  void read();
  void found(const PGresult* result);
  void rest(TimePoint until) noexcept;
  void give_up() noexcept;
  void unblocked(TimePoint since) noexcept;

  const Conninfo& conninfo_;
  std::unique_ptr<PGconn, Finish> connection_;
  Stage stage_ = Stage::resting;
  Wish wish_;
  const PGconn* asked_ = nullptr;     // while its answer is waited for
  int backend_ = 0;                   // of the last one
  TimePoint not_before_{};            // that it connects
  TimePoint looked_{};                // when it was last known, or the request began
  std::optional<TimePoint> blocked_;  // since when
  Duration waited_{0};
  mutable std::mutex mutex_;
  std::vector<LockHolder> holders_;
};

}  // namespace onelane::inline v0::postgres
