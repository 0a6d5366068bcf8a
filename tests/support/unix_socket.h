// Unix sockets, for what stands before a server or in its place.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <optional>
#include <stdexcept>

namespace onelane::test {

inline sockaddr_un unix_address(const std::filesystem::path& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  path.native().copy(out.sun_path, sizeof out.sun_path - 1);
  return out;
}

class UnixListener {
 public:
  // Throws std::runtime_error.
  explicit UnixListener(const std::filesystem::path& here)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un at = unix_address(here);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(socket_, 16) != 0) {
      ::close(socket_);
      throw std::runtime_error("no socket at " + here.native());
    }
  }
  ~UnixListener() { ::close(socket_); }
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;

  int socket() const noexcept { return socket_; }
  // Wakes who waits for it.
  void shut() const { ::shutdown(socket_, SHUT_RDWR); }
  // Who connects is connected to the server at that address: both sockets, the client's first, or
  // none where there is no server.
  std::optional<std::array<int, 2>> accept_for(const sockaddr_un& address) const {
    const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return std::nullopt;
    const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return std::array{client, server};
    }
    ::close(server);
    ::close(client);
    return std::nullopt;
  }

 private:
  const int socket_;
};

}  // namespace onelane::test
