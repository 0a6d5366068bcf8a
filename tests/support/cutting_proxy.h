// A proxy before a PostgreSQL server's Unix socket that cuts the conversation at a byte that a test
// names, and counts its round trips.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/unix_socket.h"

namespace onelane::test {

class CuttingProxy {
 public:
  enum class Way : std::size_t { to_server, to_client };

  CuttingProxy(const std::filesystem::path& here, const std::filesystem::path& server)
      : server_(unix_address(server)), listener_(here) {
    thread_ = std::thread([this] { run(); });
  }
  ~CuttingProxy() {
    stop_ = true;
    listener_.shut();
    thread_.join();
  }
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  // Once this many bytes more have gone that way, the connection that they were of is cut, and what
  // follows goes through again.
  void cut_after(Way way, std::int64_t bytes) { left_[static_cast<std::size_t>(way)] = bytes; }
  void cut_no_more() { left_[0] = left_[1] = kNever; }
  std::uint64_t cuts() const { return cuts_; }
  // How often a client has asked for the answer to what it had sent (Sync).
  std::uint64_t syncs() const { return syncs_; }

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  using Ends = std::array<int, 2>;  // the client's, the server's

  void run() {
    while (!stop_) {
      std::vector<pollfd> wanted{{listener_.socket(), POLLIN, 0}};
      for (const Ends& ends : open_) {
        for (const int end : ends) wanted.push_back({end, POLLIN, 0});
      }
      if (::poll(wanted.data(), wanted.size(), 100) <= 0) continue;
      std::vector<Ends> still;
      for (std::size_t i = 0; i < open_.size(); ++i) {
        const bool lives = (wanted[1 + 2 * i].revents == 0 || pass(open_[i], Way::to_server)) &&
                           (wanted[2 + 2 * i].revents == 0 || pass(open_[i], Way::to_client));
        if (lives) {
          still.push_back(open_[i]);
        } else {
          for (const int end : open_[i]) ::close(end);
        }
      }
      open_ = still;
      if (wanted[0].revents == 0) continue;
      if (const auto ends = listener_.accept_for(server_)) open_.push_back(*ends);
    }
    for (const Ends& ends : open_) {
      for (const int end : ends) ::close(end);
    }
  }

  // False once the connection is to be closed.
  bool pass(const Ends& ends, Way way) {
    const auto to = static_cast<std::size_t>(way);
    std::array<char, 16384> buffer{};
    const ssize_t got = ::read(ends[way == Way::to_server ? 0 : 1], buffer.data(), buffer.size());
    if (got <= 0) return false;
    const bool cut = got > left_[to];
    const std::int64_t passed = cut ? left_[to].load() : got;
    if (way == Way::to_server) count(buffer.data(), passed);
    const int out = ends[way == Way::to_server ? 1 : 0];
    for (std::int64_t at = 0; at < passed;) {
      const auto rest = static_cast<std::size_t>(passed - at);
      const ssize_t sent = ::send(out, buffer.data() + at, rest, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      at += sent;
    }
    if (!cut) {
      if (left_[to] != kNever) left_[to] -= got;
      return true;
    }
    cut_no_more();
    ++cuts_;
    return false;
  }

  // A Sync is "S" and its length, 4; nothing else that tests send has these bytes.
  void count(const char* data, std::int64_t size) {
    constexpr std::string_view kSync{"S\0\0\0\4", 5};
    for (std::int64_t i = 0; i < size; ++i) {
      matched_ = data[i] == kSync[matched_] ? matched_ + 1 : data[i] == kSync[0] ? 1 : 0;
      if (matched_ < kSync.size()) continue;
      matched_ = 0;
      ++syncs_;
    }
  }

  const sockaddr_un server_;
  const UnixListener listener_;
  std::atomic<bool> stop_{false};
  std::array<std::atomic<std::int64_t>, 2> left_{kNever, kNever};
  std::atomic<std::uint64_t> cuts_{0};
  std::atomic<std::uint64_t> syncs_{0};
  std::size_t matched_ = 0;  // of a Sync
  std::vector<Ends> open_;
  std::thread thread_;
};

}  // namespace onelane::test
