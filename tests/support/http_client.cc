#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

namespace onelane::test {
namespace {

int patient_socket(int family) {
  const int made = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{10, 0};
  setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return made;
}

}  // namespace

HttpClient::HttpClient(std::uint16_t port, const std::string& address)
    : socket_(patient_socket(AF_INET)) {
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &to.sin_addr);
  connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
}

HttpClient::HttpClient(const std::string& unix_socket) : socket_(patient_socket(AF_UNIX)) {
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  unix_socket.copy(to.sun_path, sizeof to.sun_path - 1);
  connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
}

HttpClient::~HttpClient() { ::close(socket_); }

bool HttpClient::send(const std::string& text) {
  return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(text.size());
}

std::string HttpClient::read_all() {
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t got = ::recv(socket_, piece.data(), piece.size(), 0);
    if (got <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

bool HttpClient::heard_within(std::chrono::milliseconds time) {
  pollfd polled{socket_, POLLIN, 0};
  return ::poll(&polled, 1, static_cast<int>(time.count())) > 0;
}

std::string status_of_response(const std::string& response) {
  return response.starts_with("HTTP/1.1 ") ? response.substr(9, 3) : "";
}

std::string body_of_response(const std::string& response) {
  const std::size_t at = response.find("\r\n\r\n");
  return at == std::string::npos ? "" : response.substr(at + 4);
}

std::string header_of_response(const std::string& response, const std::string& name) {
  const std::string line = "\r\n" + name + ": ";
  const std::size_t at = response.find(line);
  if (at == std::string::npos || at > response.find("\r\n\r\n")) return "";
  const std::size_t from = at + line.size();
  return response.substr(from, response.find("\r\n", from) - from);
}

}  // namespace onelane::test
