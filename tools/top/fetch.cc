#include "tools/top/fetch.h"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "tools/kit/errors.h"
#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

using kit::RunError;

// Of a snapshot with all classes and call sites that there can be, some 2 MiB.
constexpr std::size_t kBytesMax = 16 * 1024 * 1024;
constexpr int kSecondsMax = 2;
constexpr int kOk = 200;
constexpr int kSchema = 1;

std::string_view in_words(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "nobody listens there, or not for this user";
    case httplib::Error::ConnectionTimeout:
    case httplib::Error::Read:
      return "nothing within 2 s, or nothing that is HTTP";
    case httplib::Error::Canceled:
      return "more than the 16 MiB that a snapshot can have";
    default:
      return "the connection broke";
  }
}

std::string body_of(httplib::Client& client, const httplib::Headers& headers,
                    const Address& address) {
  std::string body;
  const auto receive = [&body](const char* data, std::size_t bytes) {
    body.append(data, bytes);
    return body.size() <= kBytesMax;
  };
  const httplib::Result result = client.Get("/json", headers, receive);
  if (!result) {
    throw RunError(fmt::format("{}: no answer: {}", kit::printable(address.to_string()),
                               in_words(result.error())));
  }
  if (result->status != kOk) {
    throw RunError(fmt::format("{}: answers {} {}", kit::printable(address.to_string()),
                               result->status, kit::clipped(kit::printable(body), 200)));
  }
  return body;
}

}  // namespace

nlohmann::json parse_snapshot(const std::string& text) {
  nlohmann::json out = nlohmann::json::parse(text, nullptr, false);
  if (!out.is_object() || !out.contains("schema") || !out["schema"].is_number_integer()) {
    throw RunError("what answers there is no journal's server: its /json is not a snapshot");
  }
  if (out["schema"] != kSchema) {
    throw RunError(
        fmt::format("the snapshot is of schema {}, and this program reads {}: use the "
                    "onelane of that library",
                    out["schema"].dump(), kSchema));
  }
  return out;
}

nlohmann::json fetch_snapshot(const Address& address) {
  const bool unix_socket = address.host.empty();
  httplib::Client client(unix_socket ? address.socket : address.host,
                         unix_socket ? 80 : address.port);
  if (unix_socket) client.set_address_family(AF_UNIX);
  client.set_connection_timeout(kSecondsMax);
  client.set_read_timeout(kSecondsMax);
  client.set_write_timeout(kSecondsMax);
  client.set_decompress(false);
  const httplib::Headers headers{
      {"Host", unix_socket ? "localhost" : fmt::format("localhost:{}", address.port)},
      {"Connection", "close"}};
  return parse_snapshot(body_of(client, headers, address));
}

}  // namespace onelane::tools
