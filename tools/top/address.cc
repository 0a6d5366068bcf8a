#include "tools/top/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "tools/kit/errors.h"
#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

using kit::UsageError;

constexpr std::string_view kScheme = "http://";
constexpr std::size_t kSocketBytesMax = 107;  // sockaddr_un::sun_path, and its end

[[noreturn]] void wrong(std::string_view text, std::string_view what) {
  throw UsageError(
      fmt::format("'{}' {}; right are http://127.0.0.1:9123, localhost:9123, or a socket's path",
                  kit::printable(text), what));
}

// The colon before a port at the end; npos if there is none.
std::size_t port_colon(std::string_view text) {
  const auto digits = text.find_last_not_of("0123456789");
  const bool there = digits != std::string_view::npos && text[digits] == ':' && digits > 0 &&
                     digits + 1 < text.size();
  return there ? digits : std::string_view::npos;
}

Address of_port(std::string_view text, std::string_view whole) {
  constexpr std::array<std::string_view, 3> kLoopback = {"127.0.0.1", "localhost", "[::1]"};
  const auto colon = port_colon(text);
  if (colon == std::string_view::npos) wrong(whole, "names no port");
  const std::string_view host = text.substr(0, colon);
  if (std::find(kLoopback.begin(), kLoopback.end(), host) == kLoopback.end()) {
    wrong(whole,
          "is not of this machine, where alone a journal's server listens (ssh -L brings a "
          "port or a socket of another one here)");
  }
  Address out{.host = host == "[::1]" ? "::1" : std::string(host)};
  const std::string_view port = text.substr(colon + 1);
  const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc() || out.port == 0) wrong(whole, "has no port between 1 and 65535");
  return out;
}

}  // namespace

std::string Address::to_string() const {
  if (host.empty()) return socket;
  return fmt::format("http://{}:{}", host == "::1" ? "[::1]" : host, port);
}

Address parse_address(std::string_view text) {
  if (text.empty()) wrong(text, "is no address");
  if (text.starts_with("https://")) wrong(text, "is encrypted, which a journal's server is not");
  if (text.starts_with(kScheme)) {
    std::string_view rest = text.substr(kScheme.size());
    return of_port(rest.substr(0, rest.find('/')), text);
  }
  if (text.find('/') == std::string_view::npos && port_colon(text) != std::string_view::npos) {
    return of_port(text, text);
  }
  if (text.size() > kSocketBytesMax) wrong(text, "is longer than the 107 bytes of a socket's path");
  return {.socket = std::string(text)};
}

}  // namespace onelane::tools
