// A way to a server that takes longer: what is sent to it, and what it answers, arrives later. Only
// times are added, as by a distance; nothing is lost, and the way carries as much as ever.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace onelane::bench {

class PgDelay {
 public:
  // `connected`: a socket that is connected to the server. Throws RunError.
  PgDelay(int connected, std::chrono::nanoseconds round_trip);
  ~PgDelay();
  PgDelay(const PgDelay&) = delete;
  PgDelay& operator=(const PgDelay&) = delete;

  // On 127.0.0.1.
  std::uint16_t port() const noexcept { return port_; }

 private:
  using Clock = std::chrono::steady_clock;

  class Socket {
   public:
    explicit Socket(int number) noexcept : number_(number) {}
    ~Socket();
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    operator int() const noexcept { return number_; }

   private:
    int number_;
  };

  // One end of a connection, the client's or the server's.
  struct End {
    Socket socket;
    End* other = nullptr;
    std::string unsent{};  // what is due, but did not fit into the socket
    bool closed = false;
  };
  // What came from an end, for the other one; empty: it has closed.
  struct Parcel {
    Clock::time_point due;
    End* to;
    std::string bytes;
  };

  void run();
  void accept();
  void receive(End& from);
  void deliver(Clock::time_point now);
  void send(End& to);
  void close(End& end);

  sockaddr_storage server_{};
  socklen_t server_size_ = sizeof server_;
  std::chrono::nanoseconds one_way_;
  Socket listener_;
  Socket stop_;
  Socket timer_;
  Socket poll_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<End>> ends_;  // stay to the end: parcels point to them
  std::deque<Parcel> parcels_;              // by `due`, since all take as long
  std::jthread thread_;
};

}  // namespace onelane::bench
