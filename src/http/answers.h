// What the server says: a request's head in, a whole response out. No sockets.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "onelane/http.h"

namespace onelane::inline v0::http {

// Safe from any thread.
class Answers {
 public:
  // `hosts` are the values of Host that are answered, with their port; of a Unix socket
  // "localhost", too.
  Answers(Source source, std::vector<std::string> hosts);
  ~Answers();
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  // `head` is a request up to the empty line.
  std::string answer(std::string_view head) const;
  // A response for what never came to be a request: "408 Request Timeout", and why.
  static std::string refusal(std::string_view status, std::string_view why);

 private:
  class Routes;
  std::unique_ptr<Routes> routes_;
};

}  // namespace onelane::inline v0::http
