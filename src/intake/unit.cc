#include "src/intake/unit.h"

#include <sys/random.h>

#include <cerrno>

#include "src/base/check.h"

namespace onelane::inline v0::intake {

Uuid make_uuid() {
  Uuid uuid{};
  // At most 256 bytes are given whole, once the generator is seeded; a signal may come before that.
  ssize_t given = -1;
  do {
    given = ::getrandom(uuid.data(), uuid.size(), 0);
  } while (given < 0 && errno == EINTR);
  ONELANE_CHECK(given == static_cast<ssize_t>(uuid.size()), errno);
  return uuid;
}

std::string to_string(const Uuid& uuid) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * uuid.size());
  for (const std::byte each : uuid) {
    out += kDigits[std::to_integer<std::size_t>(each >> 4)];
    out += kDigits[std::to_integer<std::size_t>(each & std::byte{15})];
  }
  return out;
}

}  // namespace onelane::inline v0::intake
