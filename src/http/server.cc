#include <httplib.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <system_error>
#include <thread>

#include "onelane/http.h"
#include "src/base/process.h"
#include "src/base/signals.h"
#include "src/http/answers.h"
#include "src/http/connection.h"
#include "src/http/listener.h"

namespace onelane::inline v0::http {
namespace {

constexpr std::size_t kConnectionsMax = 16;
// Requests take milliseconds. Clients that dawdle can hold these for as long as a head may take,
// and then all of them are let go at once.
constexpr std::size_t kThreads = 4;
constexpr Duration kRefresh{2'000'000'000};

// When the journal was opened, by its clock; later and later once it is closed, for then its time
// open stands still.
TimePoint opening_of(const JournalStats& stats) { return stats.when - stats.open; }

Snapshot snapshot_of(const Journal& journal, TimePoint opened) {
  Snapshot snapshot{journal.stats(), {}};
  snapshot.about.health = journal.health();
  if (snapshot.stats.tick.records == 0) {  // an empty one
    snapshot.about.standing = render::Standing::forked;
  } else if (opening_of(snapshot.stats) > opened) {
    snapshot.about.standing = render::Standing::closed;
  }
  return snapshot;
}

}  // namespace

class Server::Running {
 public:
  Running(Listener listener, Descriptor stop, Source source)
      : listener_(std::move(listener)),
        stop_(std::move(stop)),
        answers_(std::move(source), listener_.hosts()) {}

  // Throws std::system_error if there is no thread to be had.
  void start();
  // Ends the threads and what they answer.
  void end();
  bool forked() const { return witness_.forked(); }
  const Listener& listener() const noexcept { return listener_; }

 private:
  void run();
  void accept_one();
  void answer(const Descriptor& socket, TimePoint accepted) const noexcept;

  Listener listener_;
  Descriptor stop_;  // an eventfd: readable once the server ends
  Answers answers_;
  base::ForkWitness witness_;
  std::atomic<std::size_t> open_{0};  // connections
  std::optional<httplib::ThreadPool> workers_;
  std::thread thread_;
};

void Server::Running::start() {
  const base::SignalsHeld held;
  workers_.emplace(kThreads);
  thread_ = std::thread([this] { run(); });
}

void Server::Running::end() {
  const std::uint64_t one = 1;
  while (::write(stop_.value(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  if (thread_.joinable()) thread_.join();
  if (workers_) workers_->shutdown();
  listener_.remove_file();
}

void Server::Running::run() {
  std::array<pollfd, 2> polled{pollfd{stop_.value(), POLLIN, 0},
                               pollfd{listener_.descriptor(), POLLIN, 0}};
  for (;;) {
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[0].revents != 0) return;
    try {
      if (polled[1].revents != 0) accept_one();
    } catch (const std::bad_alloc&) {  // then the connection is closed
    }
  }
}

void Server::Running::accept_one() {
  constexpr int kPauseMs = 100;
  Descriptor accepted_socket(
      ::accept4(listener_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!accepted_socket.valid()) {
    // Without descriptors or memory the connection stays where it is: not to ask again at once.
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      pollfd polled{stop_.value(), POLLIN, 0};
      ::poll(&polled, 1, kPauseMs);
    }
    return;
  }
  if (open_.load() >= kConnectionsMax) return refuse_connection(accepted_socket);
  auto socket = std::make_shared<Descriptor>(std::move(accepted_socket));
  open_.fetch_add(1);
  try {
    workers_->enqueue([this, socket, accepted = steady_clock().now()]() mutable {
      answer(*socket, accepted);
      socket.reset();
      open_.fetch_sub(1);
    });
  } catch (const std::bad_alloc&) {
    open_.fetch_sub(1);
  }
}

// Without memory there is no answer.
void Server::Running::answer(const Descriptor& socket, TimePoint accepted) const noexcept {
  try {
    serve_connection(socket, stop_.value(), accepted, answers_);
  } catch (const std::bad_alloc&) {
    return;
  }
}

Server::Server(std::unique_ptr<Running> running) noexcept : running_(std::move(running)) {}

Server::~Server() {
  if (running_->forked()) {
    // Its threads are not here: all that is of it here is memory, and copies of its sockets.
    running_.release();  // NOLINT(bugprone-unused-return-value): to leave it is the purpose
    return;
  }
  running_->end();
}

Result<std::unique_ptr<Server>> Server::serve(Source source, ServerOptions options) {
  if (!source) return Status(Errc::invalid_argument, "Server::serve: the source is empty");
  auto listener = Listener::open(options);
  if (!listener) return listener.status();
  Descriptor stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop.valid()) {
    return Status(Errc::storage,
                  "cannot make an eventfd: " + std::generic_category().message(errno));
  }
  Source titled = [source = std::move(source), title = std::move(options.title),
                   note = std::move(options.note)] {
    Snapshot snapshot = source();
    if (snapshot.about.title.empty()) snapshot.about.title = title;
    if (snapshot.about.note.empty()) snapshot.about.note = note;
    if (!snapshot.about.unix_time) snapshot.about.unix_time = std::time(nullptr);
    if (snapshot.about.refresh == Duration(0)) snapshot.about.refresh = kRefresh;
    return snapshot;
  };
  auto running =
      std::make_unique<Running>(std::move(*listener), std::move(stop), std::move(titled));
  std::unique_ptr<Server> server(new Server(std::move(running)));
  try {
    server->running_->start();
  } catch (const std::system_error& error) {
    return Status(Errc::storage, std::string("cannot start the server's threads: ") + error.what());
  }
  return server;
}

Result<std::unique_ptr<Server>> Server::serve(const Journal& journal, ServerOptions options) {
  return serve(
      [&journal, opened = opening_of(journal.stats())] { return snapshot_of(journal, opened); },
      std::move(options));
}

std::uint16_t Server::port() const noexcept { return running_->listener().port(); }

const std::string& Server::address() const noexcept { return running_->listener().address(); }

}  // namespace onelane::inline v0::http
