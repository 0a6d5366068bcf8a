#include "src/http/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace onelane::inline v0::http {
namespace {

constexpr int kBacklog = 16;
constexpr mode_t kOwnerOnly = 0600;

Status failure(const std::string& what, int error) {
  return {Errc::storage, what + ": " + std::generic_category().message(error)};
}

Descriptor stream_socket(int family) {
  return Descriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

template <typename Address>
bool bind_to(const Descriptor& socket, const Address& address) {
  // The C interface takes every kind of address as this one.
  return ::bind(socket.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Whether the file is a socket that nobody listens on any more.
bool left_behind(const sockaddr_un& address) {
  struct stat found = {};
  if (::lstat(address.sun_path, &found) != 0 || !S_ISSOCK(found.st_mode)) return false;
  const Descriptor probe = stream_socket(AF_UNIX);
  const bool connected =
      ::connect(probe.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return !connected && errno == ECONNREFUSED;
}

}  // namespace

Descriptor::~Descriptor() {
  if (valid()) ::close(value_);
}

Result<Listener> Listener::open(const ServerOptions& options) {
  if (options.socket.empty() != options.port.has_value()) {
    return Status(Errc::invalid_argument,
                  options.socket.empty()
                      ? "ServerOptions: neither socket nor port is given; one of them says where "
                        "to listen"
                      : "ServerOptions: socket " + options.socket + " and port " +
                            std::to_string(*options.port) + " are given; only one may be");
  }
  auto opened = options.port ? open_loopback(options) : open_unix(options.socket);
  if (!opened) return opened;
  if (::listen(opened->descriptor(), kBacklog) != 0) {
    return failure("cannot listen on " + opened->address(), errno);
  }
  opened->hosts_.insert(opened->hosts_.end(), options.hosts.begin(), options.hosts.end());
  return opened;
}

Result<Listener> Listener::open_unix(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos) {
    return Status(Errc::invalid_argument,
                  "ServerOptions::socket is " + std::to_string(path.size()) +
                      " bytes; at most 107 are possible, and no 0: " + path);
  }
  path.copy(address.sun_path, path.size());
  Listener made;
  made.address_ = path;
  made.hosts_ = {"localhost"};
  made.socket_ = stream_socket(AF_UNIX);
  if (!made.socket_.valid()) return failure("cannot make a socket for " + path, errno);
  // Before it has a name, so that nobody else can ever connect (Linux).
  if (::fchmod(made.descriptor(), kOwnerOnly) != 0) {
    return failure("cannot make the socket private", errno);
  }
  bool bound = bind_to(made.socket_, address);
  if (!bound && errno == EADDRINUSE) {
    if (!left_behind(address)) {
      return Status(Errc::storage, "cannot listen on " + path +
                                       ": somebody else does, or it is a file of another kind");
    }
    ::unlink(address.sun_path);
    bound = bind_to(made.socket_, address);
  }
  if (!bound) return failure("cannot listen on " + path, errno);
  struct stat file = {};
  if (::lstat(address.sun_path, &file) != 0) return failure("cannot find " + path, errno);
  made.device_ = file.st_dev;
  made.inode_ = file.st_ino;
  return made;
}

Result<Listener> Listener::open_loopback(const ServerOptions& options) {
  const std::string host = options.ipv6 ? "[::1]" : "127.0.0.1";
  const std::string wanted = host + ":" + std::to_string(*options.port);
  Listener made;
  made.socket_ = stream_socket(options.ipv6 ? AF_INET6 : AF_INET);
  if (!made.socket_.valid()) return failure("cannot make a socket for " + wanted, errno);
  const int on = 1;
  ::setsockopt(made.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  bool bound = false;
  if (options.ipv6) {
    sockaddr_in6 address = {};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    address.sin6_port = htons(*options.port);
    bound = bind_to(made.socket_, address);
  } else {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(*options.port);
    bound = bind_to(made.socket_, address);
  }
  if (!bound) return failure("cannot listen on " + wanted, errno);
  sockaddr_in6 given = {};  // the port is at the same place in both kinds
  socklen_t size = sizeof given;
  if (::getsockname(made.descriptor(), reinterpret_cast<sockaddr*>(&given), &size) != 0) {
    return failure("cannot find the port of " + wanted, errno);
  }
  made.port_ = ntohs(given.sin6_port);
  const std::string port = std::to_string(made.port_);
  made.address_ = "http://" + host + ":" + port + "/";
  made.hosts_ = {host + ":" + port, "localhost:" + port};
  return made;
}

void Listener::remove_file() const noexcept {
  struct stat file = {};
  if (inode_ == 0 || ::lstat(address_.c_str(), &file) != 0) return;
  if (file.st_ino == inode_ && file.st_dev == device_) ::unlink(address_.c_str());
}

}  // namespace onelane::inline v0::http
