// The address that a server listens on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "onelane/http.h"
#include "onelane/status.h"

namespace onelane::inline v0::http {

// A file descriptor that is closed with it.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) noexcept : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor();
  int value() const noexcept { return value_; }
  bool valid() const noexcept { return value_ >= 0; }

 private:
  int value_;
};

// A listening socket; accept() does not block.
class Listener {
 public:
  // Errors: as Server::serve.
  static Result<Listener> open(const ServerOptions& options);

  int descriptor() const noexcept { return socket_.value(); }
  std::uint16_t port() const noexcept { return port_; }
  const std::string& address() const noexcept { return address_; }
  // What Host may say.
  const std::vector<std::string>& hosts() const noexcept { return hosts_; }
  // Removes the socket's file, if it still is ours.
  void remove_file() const noexcept;

 private:
  static Result<Listener> open_unix(const std::string& path);
  static Result<Listener> open_loopback(const ServerOptions& options);

  Descriptor socket_;
  std::uint16_t port_ = 0;
  std::string address_;
  std::vector<std::string> hosts_;
  std::uint64_t device_ = 0;  // of the socket's file
  std::uint64_t inode_ = 0;   // 0: there is none
};

}  // namespace onelane::inline v0::http
