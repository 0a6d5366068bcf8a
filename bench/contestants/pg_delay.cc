#include "bench/contestants/pg_delay.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "bench/kit/errors.h"

namespace onelane::bench {
namespace {

constexpr int kBacklog = 512;

void require(bool ok, std::string_view what) {
  if (ok) return;
  throw RunError(
      fmt::format("--added-round-trip: {}: {}", what, std::generic_category().message(errno)));
}

void watch_for_input(int poll, int socket, void* tag) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = tag}};
  require(::epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event) == 0, "epoll_ctl");
}

// Small packets at once, as libpq and the server send them; not of a Unix socket.
void send_at_once(int socket) {
  const int on = 1;
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

PgDelay::Socket::~Socket() {
  if (number_ >= 0) ::close(number_);
}

PgDelay::PgDelay(int connected, std::chrono::nanoseconds round_trip)
    : one_way_(round_trip / 2),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      poll_(::epoll_create1(EPOLL_CLOEXEC)) {
  require(::getpeername(connected, reinterpret_cast<sockaddr*>(&server_), &server_size_) == 0,
          "the server's address");
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  auto* address = reinterpret_cast<sockaddr*>(&here);
  require(::bind(listener_, address, size) == 0 && ::listen(listener_, kBacklog) == 0 &&
              ::getsockname(listener_, address, &size) == 0,
          "a port on 127.0.0.1");
  port_ = ntohs(here.sin_port);
  watch_for_input(poll_, listener_, &listener_);
  watch_for_input(poll_, stop_, &stop_);
  watch_for_input(poll_, timer_, &timer_);
  thread_ = std::jthread([this] { run(); });
}

PgDelay::~PgDelay() {
  const std::uint64_t one = 1;
  (void)!::write(stop_, &one, sizeof one);
  thread_.join();
}

void PgDelay::run() {
  std::array<epoll_event, 64> events{};
  for (;;) {
    const int count = ::epoll_wait(poll_, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr == &stop_) return;
      if (event.data.ptr == &listener_) {
        accept();
      } else if (event.data.ptr == &timer_) {
        std::uint64_t expired = 0;
        (void)!::read(timer_, &expired, sizeof expired);
      } else {
        End& end = *static_cast<End*>(event.data.ptr);
        if ((event.events & EPOLLOUT) != 0) send(end);
        if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0) receive(end);
      }
    }
    deliver(Clock::now());
  }
}

void PgDelay::accept() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) {
    // The process may have no descriptors left. Clients that wait to be accepted are refused then:
    // otherwise they would wait for ever.
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      ::epoll_ctl(poll_, EPOLL_CTL_DEL, listener_, nullptr);
      ::shutdown(listener_, SHUT_RDWR);
    }
    return;
  }
  auto* near = ends_.emplace_back(new End{.socket = Socket(client)}).get();
  auto* far = ends_
                  .emplace_back(new End{
                      .socket = Socket(::socket(server_.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0))})
                  .get();
  near->other = far;
  far->other = near;
  if (::connect(far->socket, reinterpret_cast<const sockaddr*>(&server_), server_size_) != 0) {
    close(*near);
    return;
  }
  for (End* end : {near, far}) {
    send_at_once(end->socket);
    watch_for_input(poll_, end->socket, end);
  }
}

void PgDelay::receive(End& from) {
  if (from.closed) return;
  std::array<char, 65'536> buffer;
  const ssize_t got = ::recv(from.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) ::epoll_ctl(poll_, EPOLL_CTL_DEL, from.socket, nullptr);
  parcels_.push_back({Clock::now() + one_way_,
                      from.other,
                      {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))}});
}

void PgDelay::deliver(Clock::time_point now) {
  for (; !parcels_.empty() && parcels_.front().due <= now; parcels_.pop_front()) {
    Parcel& parcel = parcels_.front();
    if (parcel.bytes.empty()) {
      close(*parcel.to);
      continue;
    }
    const bool first = parcel.to->unsent.empty();
    parcel.to->unsent += parcel.bytes;
    if (first) send(*parcel.to);
  }
  if (parcels_.empty()) return;
  // At least 1: 0 would stop the timer.
  const auto left = std::max<std::int64_t>((parcels_.front().due - now).count(), 1);
  itimerspec when{};
  when.it_value.tv_sec = left / std::nano::den;
  when.it_value.tv_nsec = left % std::nano::den;
  ::timerfd_settime(timer_, 0, &when, nullptr);
}

// What does not fit waits until the socket has room.
void PgDelay::send(End& to) {
  if (to.closed) return;
  const ssize_t sent =
      ::send(to.socket, to.unsent.data(), to.unsent.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return close(to);
  to.unsent.erase(0, static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
  epoll_event event{
      .events = to.unsent.empty() ? std::uint32_t{EPOLLIN} : std::uint32_t{EPOLLIN | EPOLLOUT},
      .data = {.ptr = &to}};
  ::epoll_ctl(poll_, EPOLL_CTL_MOD, to.socket, &event);
}

// Both ends; their sockets are given back with the rest.
void PgDelay::close(End& end) {
  for (End* each : {&end, end.other}) {
    if (std::exchange(each->closed, true)) continue;
    each->unsent.clear();
    ::epoll_ctl(poll_, EPOLL_CTL_DEL, each->socket, nullptr);
    ::shutdown(each->socket, SHUT_RDWR);
  }
}

}  // namespace onelane::bench
