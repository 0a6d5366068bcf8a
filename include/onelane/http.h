// A server for the page, the metrics and the JSON of onelane/render.h (target onelane::http), on a
// Unix socket or a loopback address. Nothing listens until a program asks for it.
//
//   auto server = onelane::http::Server::serve(journal, {.socket =
//   "/run/peerd/lane.sock"}).value();
//
//   curl --unix-socket /run/peerd/lane.sock http://localhost/metrics
//
// It answers GET and HEAD of /, /metrics, /json and /health (200, or 503 with the reason), one
// request a connection, and changes nothing. Whoever may connect may read everything: on a Unix
// socket that is this user, on a loopback address every user of the machine. So that no web site
// can read it through a browser, the Host must be one of the server's own, with its port (else
// 421), and Origin and Sec-Fetch-Site must not be foreign (else 403).
//
// A snapshot is taken for each request on a thread of the server's. It stops no tick.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "onelane/journal.h"
#include "onelane/render.h"
#include "onelane/status.h"

namespace onelane::inline v0::http {

// What one request is answered from.
struct Snapshot {
  JournalStats stats;
  render::About about;
};

// Called by any of the server's threads, also by several at once. Where it throws, the answer is
// 500.
using Source = std::function<Snapshot()>;

struct ServerOptions {
  // Where to listen: a path of at most 107 bytes, or a port of 127.0.0.1; exactly one of them. The
  // socket is this user's alone (0600). One that nobody listens on any more is replaced, and ours
  // is removed in the end; any other file there is an error.
  std::string socket{};
  std::optional<std::uint16_t> port{};  // 0: any that is free
  bool ipv6 = false;                    // the port is [::1]'s
  // Further values of Host to be answered, with the port: of a proxy before it, "lane.example:443".
  std::vector<std::string> hosts{};
  // For the page (About). For a source that says nothing of it itself.
  std::string title{};
  std::string note{};
};

class Server {
 public:
  // Errors: invalid_argument; storage, if the system gives no socket or no thread. The message
  // names the address.
  static Result<std::unique_ptr<Server>> serve(Source source, ServerOptions options);
  // Of a journal, which must outlive the server. It may be closed before: then, and in a forked
  // child, the page says so.
  static Result<std::unique_ptr<Server>> serve(const Journal& journal, ServerOptions options);

  // Ends within 5 s, and usually at once: what is being answered is answered first. In a child that
  // was forked from the process which serves it ends nothing but the child's copy.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const noexcept;  // 0 of a Unix socket
  // "http://127.0.0.1:9123/", or the socket's path.
  const std::string& address() const noexcept;

 private:
  class Running;
  explicit Server(std::unique_ptr<Running> running) noexcept;
  std::unique_ptr<Running> running_;
};

}  // namespace onelane::inline v0::http
