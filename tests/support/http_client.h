// The client's side of HTTP, for tests of servers: raw bytes over a socket, as a browser or
// somebody with worse intentions sends them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace onelane::test {

// A connection. All waiting on it ends after ten seconds, as if the server had closed it.
class HttpClient {
 public:
  // To 127.0.0.1, or another address of the machine's.
  explicit HttpClient(std::uint16_t port, const std::string& address = "127.0.0.1");
  explicit HttpClient(const std::string& unix_socket);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  bool connected() const { return connected_; }
  // False: the server has closed.
  bool send(const std::string& text);
  // Everything up to the server's end of the connection.
  std::string read_all();
  // Whether the server has sent or closed something by then.
  bool heard_within(std::chrono::milliseconds time);

 private:
  int socket_;
  bool connected_ = false;
};

// "200" of a response; "" if there is none.
std::string status_of_response(const std::string& response);
// What follows the head.
std::string body_of_response(const std::string& response);
// The value of a header, by its name as it is written; "" if there is none.
std::string header_of_response(const std::string& response, const std::string& name);

}  // namespace onelane::test
