// A proxy before a PostgreSQL server's Unix socket that spoils one of the messages which the server
// sends, in a way that a test names. It looks into what the server says, message by message.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/unix_socket.h"

namespace onelane::test {

class ManglingProxy {
 public:
  // A message is its type, a letter; its length without that, in four bytes; and the rest.
  enum class Harm {
    cut_in_header,  // the connection ends there
    cut_in_body,
    other_type,   // `letter` says which
    length_less,  // by one
    length_more,
    length_none,  // 0, where 4 is the least
    length_negative,
    length_huge,  // 1 GiB
    count,        // of fields or parameters, in messages that have one
    zeros,        // in place of its body
    left_out,
    twice,
    ready_before,     // ReadyForQuery
    complete_before,  // CommandComplete
    silence,          // from there on, for ever
    notices,          // the same, endlessly
    statuses,
    completes,
    rows,
  };
  static constexpr std::array<Harm, 19> kHarms{Harm::cut_in_header,
                                               Harm::cut_in_body,
                                               Harm::other_type,
                                               Harm::length_less,
                                               Harm::length_more,
                                               Harm::length_none,
                                               Harm::length_negative,
                                               Harm::length_huge,
                                               Harm::count,
                                               Harm::zeros,
                                               Harm::left_out,
                                               Harm::twice,
                                               Harm::ready_before,
                                               Harm::complete_before,
                                               Harm::silence,
                                               Harm::notices,
                                               Harm::statuses,
                                               Harm::completes,
                                               Harm::rows};

  ManglingProxy(const std::filesystem::path& here, const std::filesystem::path& server)
      : server_(unix_address(server)), listener_(here) {
    thread_ = std::thread([this] { run(); });
  }
  ~ManglingProxy() {
    stop_ = true;
    listener_.shut();
    thread_.join();
  }
  ManglingProxy(const ManglingProxy&) = delete;
  ManglingProxy& operator=(const ManglingProxy&) = delete;

  // Once this many messages more have come from the server, the next one is spoiled.
  void spoil(Harm harm, std::uint64_t messages, char letter = '?') {
    const std::lock_guard held(lock_);
    next_ = Next{harm, messages, letter};
  }
  // False if that has not come about.
  bool spoiled() {
    const std::lock_guard held(lock_);
    return !next_.has_value();
  }
  void spoil_no_more() {
    const std::lock_guard held(lock_);
    next_.reset();
  }

 private:
  struct Next {
    Harm harm;
    std::uint64_t messages;
    char letter;
  };
  struct Conversation {
    int client;
    int server;
    std::string heard{};  // of a message of the server's that is not whole yet
    bool silent = false;
    std::string flood{};  // sent over and over again
    std::size_t flooded = 0;
  };

  static std::string message(char type, const std::string& body) {
    return type + length(static_cast<std::uint32_t>(body.size()) + 4) + body;
  }
  static std::string length(std::uint32_t value) {
    std::string out;
    for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift & 0xFF);
    return out;
  }
  static std::uint32_t length_of(const std::string& text) {
    std::uint32_t out = 0;
    for (std::size_t i = 1; i <= 4; ++i) out = out << 8 | static_cast<unsigned char>(text[i]);
    return out;
  }

  void run() {
    while (!stop_) {
      std::vector<pollfd> wanted{{listener_.socket(), POLLIN, 0}};
      for (const Conversation& each : open_) {
        const bool floods = !each.flood.empty();
        wanted.push_back({each.client, static_cast<short>(floods ? POLLIN | POLLOUT : POLLIN), 0});
        wanted.push_back({each.server, POLLIN, 0});
      }
      if (::poll(wanted.data(), wanted.size(), 100) <= 0) continue;
      std::vector<Conversation> still;
      for (std::size_t i = 0; i < open_.size(); ++i) {
        Conversation& each = open_[i];
        const short client = wanted[1 + 2 * i].revents;
        const short server = wanted[2 + 2 * i].revents;
        const bool lives = ((client & ~POLLOUT) == 0 || to_server(each)) &&
                           ((client & POLLOUT) == 0 || flood(each)) &&
                           (server == 0 || to_client(each));
        if (lives) {
          still.push_back(std::move(each));
        } else {
          end(each);
        }
      }
      open_ = std::move(still);
      if (wanted[0].revents == 0) continue;
      if (const auto ends = listener_.accept_for(server_))
        open_.push_back({(*ends)[0], (*ends)[1]});
    }
    for (const Conversation& each : open_) end(each);
  }
  static void end(const Conversation& conversation) {
    ::close(conversation.client);
    ::close(conversation.server);
  }

  // False, as all below, once the connection is to be closed.
  static bool to_server(const Conversation& conversation) {
    std::array<char, 16384> buffer{};
    const ssize_t got = ::read(conversation.client, buffer.data(), buffer.size());
    return got > 0 &&
           send_all(conversation.server, std::string(buffer.data(), static_cast<std::size_t>(got)));
  }
  bool to_client(Conversation& conversation) {
    std::array<char, 16384> buffer{};
    const ssize_t got = ::read(conversation.server, buffer.data(), buffer.size());
    if (got <= 0) return false;
    conversation.heard.append(buffer.data(), static_cast<std::size_t>(got));
    while (conversation.heard.size() >= 5) {
      const std::size_t size = 1 + length_of(conversation.heard);
      if (conversation.heard.size() < size) break;
      const std::string whole = conversation.heard.substr(0, size);
      conversation.heard.erase(0, size);
      if (conversation.silent) continue;
      const std::optional<Next> due = take_due();
      if (!(due ? spoil(conversation, whole, *due) : send_all(conversation.client, whole))) {
        return false;
      }
    }
    return true;
  }
  std::optional<Next> take_due() {
    const std::lock_guard held(lock_);
    if (!next_) return std::nullopt;
    if (next_->messages != 0) {
      --next_->messages;
      return std::nullopt;
    }
    return std::exchange(next_, std::nullopt);
  }

  static bool spoil(Conversation& to, std::string text, const Next& how) {
    const std::string body = text.substr(5);
    switch (how.harm) {
      case Harm::cut_in_header:
        (void)send_all(to.client, text.substr(0, 3));
        return false;
      case Harm::cut_in_body:
        (void)send_all(to.client, text.substr(0, 5 + body.size() / 2));
        return false;
      case Harm::other_type:
        text[0] = how.letter;
        break;
      case Harm::length_less:
        text.replace(1, 4, length(length_of(text) - 1));
        break;
      case Harm::length_more:
        text.replace(1, 4, length(length_of(text) + 1));
        break;
      case Harm::length_none:
        text.replace(1, 4, length(0));
        break;
      case Harm::length_negative:
        text.replace(1, 4, length(0xFFFFFFFFU));
        break;
      case Harm::length_huge:
        text.replace(1, 4, length(0x3FFFFFFFU));
        break;
      case Harm::count:
        if (body.size() >= 2) text[6] = static_cast<char>(text[6] + 1);
        break;
      case Harm::zeros:
        text.replace(5, body.size(), body.size(), '\0');
        break;
      case Harm::left_out:
        return true;
      case Harm::twice:
        text += text;
        break;
      case Harm::ready_before:
        text = message('Z', "I") + text;
        break;
      case Harm::complete_before:
        text = message('C', std::string("INSERT 0 1") + '\0') + text;
        break;
      case Harm::silence:
        to.silent = true;
        return true;
      case Harm::notices:
        return begin_flood(to,
                           message('N', std::string("SNOTICE\0VNOTICE\0C00000\0Mhello\0\0", 31)));
      case Harm::statuses:
        return begin_flood(to, message('S', std::string("application_name\0other\0", 23)));
      case Harm::completes:
        return begin_flood(to, message('C', std::string("INSERT 0 1") + '\0'));
      case Harm::rows:
        (void)send_all(to.client,
                       message('T', std::string("\0\1x\0\0\0\0\0\0\0\0\0\0\x19\xFF\xFF\xFF\xFF\xFF"
                                                "\xFF\0\0",
                                                22)));
        return begin_flood(to, message('D', std::string("\0\1\0\0\0\x5hello", 11)));
    }
    return send_all(to.client, text);
  }
  static bool begin_flood(Conversation& to, const std::string& text) {
    to.silent = true;
    constexpr std::size_t kTimes = 200;
    for (std::size_t i = 0; i < kTimes; ++i) to.flood += text;
    return true;
  }
  static bool flood(Conversation& to) {
    const ssize_t sent = ::send(to.client, to.flood.data() + to.flooded,
                                to.flood.size() - to.flooded, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return errno == EAGAIN;
    to.flooded = (to.flooded + static_cast<std::size_t>(sent)) % to.flood.size();
    return true;
  }
  static bool send_all(int to, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t sent = ::send(to, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      at += static_cast<std::size_t>(sent);
    }
    return true;
  }

  const sockaddr_un server_;
  const UnixListener listener_;
  std::atomic<bool> stop_{false};
  std::mutex lock_;
  std::optional<Next> next_;  // under lock_
  std::vector<Conversation> open_;
  std::thread thread_;
};

}  // namespace onelane::test
