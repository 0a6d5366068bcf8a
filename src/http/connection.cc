#include "src/http/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>

namespace onelane::inline v0::http {
namespace {

constexpr std::size_t kHeadBytesMax = 8192;
constexpr Duration kHeadTime{2'000'000'000};
constexpr Duration kWriteTime{2'000'000'000};
constexpr Duration kEndTime{250'000'000};  // for the client to close, once it has its answer
constexpr std::string_view kHeadEnd = "\r\n\r\n";

// Until the socket is ready for `events` (POLLIN, POLLOUT), at most until then. False: it is not,
// or the server ends. `stop` below 0 is not looked at. What is there already is ready at any time.
bool ready(int socket, short events, int stop, TimePoint until) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  for (;;) {
    const Duration left = std::max(until - steady_clock().now(), Duration(0));
    const auto ms = static_cast<int>((left.count() + kMillisecond - 1) / kMillisecond);
    std::array<pollfd, 2> polled{pollfd{socket, events, 0}, pollfd{stop, POLLIN, 0}};
    const int found = ::poll(polled.data(), polled.size(), ms);
    if (found < 0 && errno == EINTR) continue;
    if (found <= 0 || polled[1].revents != 0) return false;
    return polled[0].revents != 0;
  }
}

struct Head {
  std::string text;                    // up to the empty line
  std::optional<std::string> refusal;  // or what is said instead; neither: the client is gone
};

Head read_head(int socket, int stop, TimePoint until) {
  Head head;
  std::array<char, 2048> piece{};
  while (ready(socket, POLLIN, stop, until)) {
    const ssize_t got = ::recv(socket, piece.data(), piece.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return {};
    const std::size_t from = head.text.size() < kHeadEnd.size() ? 0 : head.text.size() - 3;
    head.text.append(piece.data(), static_cast<std::size_t>(got));
    const std::size_t end = head.text.find(kHeadEnd, from);
    const std::size_t bytes = end == std::string::npos ? head.text.size() : end + kHeadEnd.size();
    if (bytes > kHeadBytesMax) {
      return {"", Answers::refusal("431 Request Header Fields Too Large",
                                   "The head of a request may have 8192 bytes\n")};
    }
    if (end == std::string::npos) continue;
    head.text.resize(bytes);
    return head;
  }
  return {"", Answers::refusal("408 Request Timeout",
                               "The head of a request must be here within 2 s\n")};
}

void write_all(int socket, std::string_view text) {
  const TimePoint until = steady_clock().now() + kWriteTime;
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return;
    }
    if (!text.empty() && !ready(socket, POLLOUT, -1, until)) return;
  }
}

// Closing with something unread resets the connection, and may take the answer away from the
// client. So what it still sends, a body, is read for a moment and thrown away.
void end(int socket, int stop) {
  ::shutdown(socket, SHUT_WR);
  std::array<char, 4096> piece{};
  const TimePoint until = steady_clock().now() + kEndTime;
  while (steady_clock().now() < until && ready(socket, POLLIN, stop, until)) {
    const ssize_t got = ::recv(socket, piece.data(), piece.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return;
  }
}

}  // namespace

void serve_connection(const Descriptor& socket, int stop, TimePoint accepted,
                      const Answers& answers) {
  const Head head = read_head(socket.value(), stop, accepted + kHeadTime);
  if (head.refusal) {
    write_all(socket.value(), *head.refusal);
  } else if (!head.text.empty()) {
    write_all(socket.value(), answers.answer(head.text));
  } else {
    return;
  }
  end(socket.value(), stop);
}

void refuse_connection(const Descriptor& socket) {
  const std::string text =
      Answers::refusal("503 Service Unavailable", "16 connections are open already; ask again\n");
  ::send(socket.value(), text.data(), text.size(), MSG_NOSIGNAL);
  ::shutdown(socket.value(), SHUT_WR);
}

}  // namespace onelane::inline v0::http
