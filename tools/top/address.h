// Where a journal's server listens: a Unix socket, or a port of this machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace onelane::tools {

struct Address {
  std::string host;  // of loopback; empty: a Unix socket
  std::uint16_t port = 0;
  std::string socket;  // its path
  std::string to_string() const;
};

// "http://127.0.0.1:9123/", "localhost:9123", "[::1]:9123", or a path. Throws UsageError.
Address parse_address(std::string_view text);

}  // namespace onelane::tools
