#include "src/http/answers.h"

#include <httplib.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "src/render/page_text.h"

namespace onelane::inline v0::http {
namespace {

constexpr const char* kText = "text/plain; charset=utf-8";

// As a policy writes it: 'sha256-...'.
std::string hash_source(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::array<unsigned char, std::size_t{2} * EVP_MAX_MD_SIZE>
      base64{};  // 4 bytes for 3, and a final 0
  const int length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(size));
  return "'sha256-" + std::string(base64.begin(), base64.begin() + length) + "'";
}

// The page is all there is: its own style and script, which may ask for the page again.
std::string page_policy() {
  return "default-src 'none'; style-src " + hash_source(render::page_style()) + "; script-src " +
         hash_source(render::page_script()) +
         "; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

const httplib::Headers& safe_headers() {
  static const httplib::Headers headers{{"Content-Security-Policy", page_policy()},
                                        {"X-Content-Type-Options", "nosniff"},
                                        {"Cache-Control", "no-store"},
                                        {"Referrer-Policy", "no-referrer"},
                                        {"Cross-Origin-Resource-Policy", "same-origin"},
                                        {"X-Frame-Options", "DENY"}};
  return headers;
}

// A request that was read, and the response as it is written.
class Exchange final : public httplib::Stream {
 public:
  explicit Exchange(std::string_view head) : head_(head) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, size_t size) override {
    const std::size_t taken = head_.copy(to, size);
    head_.remove_prefix(taken);
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* from, size_t size) override {
    response_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return 0; }
  std::string take() { return std::move(response_); }

 private:
  std::string_view head_;
  std::string response_;
};

// httplib::Server ignores SIGPIPE for the whole process, which is the program's to decide.
class KeptSignal {
 public:
  KeptSignal() { sigaction(SIGPIPE, nullptr, &before_); }
  ~KeptSignal() { sigaction(SIGPIPE, &before_, nullptr); }
  KeptSignal(const KeptSignal&) = delete;
  KeptSignal& operator=(const KeptSignal&) = delete;

 private:
  struct sigaction before_ {};
};

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

// The head without its Range lines: the library reads those by a regular expression, before it asks
// whether the client may ask at all, and that takes stack for every character.
std::string without_ranges(std::string_view head) {
  std::string out;
  while (!head.empty()) {
    const std::string_view line = head.substr(0, std::min(head.size(), head.find('\n')) + 1);
    head.remove_prefix(std::min(head.size(), line.size()));
    if (!same(line.substr(0, line.find(':')), "range")) out += line;
  }
  return out;
}

}  // namespace

class Answers::Routes final : public httplib::Server {
 public:
  Routes(Source source, std::vector<std::string> hosts)
      : source_(std::move(source)), hosts_(std::move(hosts)) {
    set_default_headers(safe_headers());
    // Everything is answered here, before the library looks at bodies and files.
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
      return HandlerResponse::Handled;
    });
  }

  std::string answer(std::string_view head) {
    const std::string kept = without_ranges(head);
    Exchange exchange(kept);
    bool closed = false;
    // What is compressed is compressed for nobody, and no body is waited for.
    const auto plain = [](httplib::Request& request) {
      request.headers.erase("Accept-Encoding");
      request.headers.erase("Expect");
    };
    process_request(exchange, true, closed, plain);
    return exchange.take();
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) const;
  void route(const httplib::Request& request, httplib::Response& response) const;
  // "" or why the request is not answered, with the status.
  std::string_view refused(const httplib::Request& request, int& status) const;
  static bool foreign(const httplib::Request& request, const std::string& host);

  Source source_;
  std::vector<std::string> hosts_;
};

bool Answers::Routes::foreign(const httplib::Request& request, const std::string& host) {
  if (request.has_header("Origin") && !same(request.get_header_value("Origin"), "http://" + host)) {
    return true;
  }
  const std::string site = request.get_header_value("Sec-Fetch-Site");
  return request.has_header("Sec-Fetch-Site") && site != "same-origin" && site != "none";
}

std::string_view Answers::Routes::refused(const httplib::Request& request, int& status) const {
  const std::string host = request.get_header_value("Host");
  const bool known = std::any_of(hosts_.begin(), hosts_.end(),
                                 [&host](const std::string& ours) { return same(ours, host); });
  if (request.get_header_value_count("Host") != 1 || !known) {
    status = 421;
    return "This server answers only to its own addresses: Host must be one of them, with its "
           "port\n";
  }
  if (request.get_header_value_count("Origin") > 1 ||
      request.get_header_value_count("Sec-Fetch-Site") > 1 || foreign(request, host)) {
    status = 403;
    return "Other sites may not ask this server: Origin or Sec-Fetch-Site is foreign\n";
  }
  if (request.method != "GET" && request.method != "HEAD") {
    status = 405;
    return "Only GET and HEAD are answered\n";
  }
  return "";
}

void Answers::Routes::answer(const httplib::Request& request, httplib::Response& response) const {
  int status = 0;
  const std::string_view why = refused(request, status);
  if (!why.empty()) {
    response.status = status;
    if (status == 405) response.set_header("Allow", "GET, HEAD");
    response.set_content(why.data(), why.size(), kText);
    return;
  }
  try {
    route(request, response);
  } catch (const std::exception& error) {
    response.status = 500;
    response.set_content(std::string("No snapshot: ") + error.what() + "\n", kText);
  } catch (...) {
    response.status = 500;
    response.set_content("No snapshot: an unknown exception\n", kText);
  }
}

void Answers::Routes::route(const httplib::Request& request, httplib::Response& response) const {
  response.status = 200;
  if (request.path == "/") {
    const Snapshot snapshot = source_();
    response.set_content(render::html(snapshot.stats, snapshot.about), "text/html; charset=utf-8");
  } else if (request.path == "/metrics") {
    const Snapshot snapshot = source_();
    response.set_content(render::prometheus(snapshot.stats, snapshot.about),
                         "text/plain; version=0.0.4; charset=utf-8");
  } else if (request.path == "/json") {
    const Snapshot snapshot = source_();
    response.set_content(render::json(snapshot.stats, snapshot.about), "application/json");
  } else if (request.path == "/health") {
    const Snapshot snapshot = source_();
    const render::Verdict verdict = render::judge(snapshot.stats, snapshot.about);
    if (!verdict.ok) response.status = 503;
    response.set_content(verdict.condition + "\n", kText);
  } else {
    response.status = 404;
    response.set_content("There is /, /metrics, /json and /health\n", kText);
  }
}

Answers::Answers(Source source, std::vector<std::string> hosts) {
  const KeptSignal kept;
  routes_ = std::make_unique<Routes>(std::move(source), std::move(hosts));
}

Answers::~Answers() = default;

std::string Answers::answer(std::string_view head) const { return routes_->answer(head); }

std::string Answers::refusal(std::string_view status, std::string_view why) {
  std::string response = "HTTP/1.1 " + std::string(status) + "\r\n";
  for (const auto& [name, value] : safe_headers()) {
    response.append(name).append(": ").append(value).append("\r\n");
  }
  return response + "Content-Type: " + kText + "\r\nContent-Length: " + std::to_string(why.size()) +
         "\r\nConnection: close\r\n\r\n" + std::string(why);
}

}  // namespace onelane::inline v0::http
