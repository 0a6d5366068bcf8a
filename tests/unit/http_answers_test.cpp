// What the server says to a request, without sockets: each line of the rules for debug pages.
#include <gtest/gtest.h>

#include <csignal>
#include <random>
#include <stdexcept>

#include "src/http/answers.h"
#include "tests/support/http_client.h"
#include "tests/support/snapshots.h"

namespace onelane::test {
namespace {

using http::Answers;
using http::Snapshot;

const std::vector<std::string> kHosts{"127.0.0.1:9123", "localhost:9123"};
constexpr const char* kHost = "Host: 127.0.0.1:9123\r\n";

Answers answers_of(Snapshot snapshot) {
  return {[snapshot] { return snapshot; }, kHosts};
}

std::string request(const std::string& line, const std::string& headers = kHost) {
  return line + " HTTP/1.1\r\n" + headers + "\r\n";
}

std::string ask(const std::string& head) {
  return answers_of({busy_snapshot(), {.title = "peerd"}}).answer(head);
}

TEST(HttpAnswers, ServesThePageTheMetricsAndTheJson) {
  const std::string page = ask(request("GET /"));
  EXPECT_EQ(status_of_response(page), "200");
  EXPECT_EQ(header_of_response(page, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(body_of_response(page), render::html(busy_snapshot(), {.title = "peerd"}));
  const std::string metrics = ask(request("GET /metrics"));
  EXPECT_EQ(header_of_response(metrics, "Content-Type"),
            "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(body_of_response(metrics), render::prometheus(busy_snapshot()));
  const std::string json = ask(request("GET /json"));
  EXPECT_EQ(header_of_response(json, "Content-Type"), "application/json");
  EXPECT_EQ(body_of_response(json), render::json(busy_snapshot(), {.title = "peerd"}));
  EXPECT_EQ(status_of_response(ask(request("GET /other"))), "404");
}

TEST(HttpAnswers, HealthIs200Or503WithTheReason) {
  EXPECT_EQ(status_of_response(ask(request("GET /health"))), "200");
  const std::string ill =
      answers_of({busy_snapshot(), {.health = {Condition::stalled, Status(Errc::storage, "full")}}})
          .answer(request("GET /health"));
  EXPECT_EQ(status_of_response(ill), "503");
  EXPECT_EQ(body_of_response(ill), "Stalled, the store takes no commits: storage: full.\n");
}

TEST(HttpAnswers, TheHostMustBeOnTheListWithItsPort) {
  for (const char* host : {"Host: 127.0.0.1:9123\r\n", "Host: localhost:9123\r\n",
                           "Host: LocalHost:9123\r\n", "host: localhost:9123\r\n"}) {
    EXPECT_EQ(status_of_response(ask(request("GET /", host))), "200") << host;
  }
  for (const char* host :
       {"", "Host: \r\n", "Host: localhost\r\n", "Host: localhost:9124\r\n",
        "Host: evil.example\r\n", "Host: evil.example:9123\r\n",
        "Host: localhost:9123.evil.example\r\n", "Host: 127.0.0.1:9123@evil.example\r\n",
        "Host: [::1]:9123\r\n", "Host: 127.0.0.2:9123\r\n",
        "Host: localhost:9123\r\nHost: localhost:9123\r\n",
        "Host: localhost:9123\r\nHost: evil.example\r\n", "X-Forwarded-Host: localhost:9123\r\n"}) {
    EXPECT_EQ(status_of_response(ask(request("GET /", host))), "421") << host;
  }
}

TEST(HttpAnswers, AnOriginOrASiteThatIsForeignIsRefused) {
  struct Case {
    const char* header;
    const char* status;
  };
  for (const Case& one :
       {Case{"Origin: http://127.0.0.1:9123\r\n", "200"},
        Case{"Sec-Fetch-Site: same-origin\r\n", "200"}, Case{"Sec-Fetch-Site: none\r\n", "200"},
        Case{"Origin: http://evil.example\r\n", "403"},
        Case{"Origin: http://localhost:9123\r\n", "403"},
        Case{"Origin: https://127.0.0.1:9123\r\n", "403"},
        Case{"Origin: http://127.0.0.1:9124\r\n", "403"}, Case{"Origin: null\r\n", "403"},
        Case{"Origin: http://127.0.0.1:9123\r\nOrigin: null\r\n", "403"},
        Case{"Sec-Fetch-Site: cross-site\r\n", "403"}, Case{"Sec-Fetch-Site: same-site\r\n", "403"},
        Case{"Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n", "403"}}) {
    for (const char* path : {"/", "/metrics", "/json", "/health"}) {
      const std::string asked =
          request(std::string("GET ") + path, std::string(kHost) + one.header);
      EXPECT_EQ(status_of_response(ask(asked)), one.status) << asked;
    }
  }
}

TEST(HttpAnswers, OnlyGetAndHeadAreAnswered) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}) {
    const std::string said = ask(request(std::string(method) + " /"));
    EXPECT_NE(status_of_response(said), "200") << method;
    EXPECT_EQ(said.find("peerd"), std::string::npos) << method;
  }
  const std::string post = ask(request("POST /", std::string(kHost) + "Content-Length: 5\r\n"));
  EXPECT_EQ(status_of_response(post), "405");
  EXPECT_EQ(header_of_response(post, "Allow"), "GET, HEAD");
}

TEST(HttpAnswers, AHeadIsTheSameWithoutItsBody) {
  const std::string head = ask(request("HEAD /metrics"));
  EXPECT_EQ(status_of_response(head), "200");
  EXPECT_EQ(body_of_response(head), "");
  EXPECT_EQ(header_of_response(head, "Content-Length"),
            std::to_string(render::prometheus(busy_snapshot()).size()));
}

TEST(HttpAnswers, EveryAnswerHasTheHeadersThatProtectItAndNoneThatOpensIt) {
  std::vector<std::string> said{Answers::refusal("408 Request Timeout", "late\n"),
                                ask("nonsense\r\n\r\n")};
  for (const char* line :
       {"GET /", "GET /metrics", "GET /json", "GET /health", "GET /no", "POST /"}) {
    said.push_back(ask(request(line)));
    said.push_back(ask(request(line, "Host: evil.example\r\n")));
    said.push_back(ask(request(line, std::string(kHost) + "Origin: null\r\n")));
  }
  for (const std::string& one : said) {
    const std::string policy = header_of_response(one, "Content-Security-Policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none'; style-src 'sha256-")) << one;
    EXPECT_NE(policy.find("; script-src 'sha256-"), std::string::npos) << one;
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << one;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos) << one;
    EXPECT_EQ(header_of_response(one, "X-Content-Type-Options"), "nosniff") << one;
    EXPECT_EQ(header_of_response(one, "Cache-Control"), "no-store") << one;
    EXPECT_EQ(header_of_response(one, "Connection"), "close") << one;
    EXPECT_EQ(one.find("Access-Control-"), std::string::npos) << one;
    EXPECT_EQ(one.find("Keep-Alive"), std::string::npos) << one;
  }
}

TEST(HttpAnswers, RangesAreNotAnsweredAndNothingIsCompressed) {
  std::string ranges = "Range: bytes=0-";
  for (int i = 0; i < 500; ++i) ranges += ",0-";
  const std::string said =
      ask(request("GET /", kHost + ranges + "\r\nAccept-Encoding: gzip, br\r\n"));
  EXPECT_EQ(header_of_response(said, "Content-Encoding"), "");
  EXPECT_LE(body_of_response(said).size(),
            render::html(busy_snapshot(), {.title = "peerd"}).size());
}

// The library's regular expression for ranges takes stack for each character.
TEST(HttpAnswers, ARangeIsNotEvenRead) {
  for (const char* name : {"Range", "range", "rAnGe"}) {
    const std::string line = std::string(name) + ": nonsense\r\n";
    EXPECT_EQ(status_of_response(ask(request("GET /", kHost + line))), "200") << name;
    EXPECT_EQ(status_of_response(ask(request("GET /", line + kHost))), "200") << name;
  }
}

TEST(HttpAnswers, NothingIsSaidBeforeTheAnswer) {
  const std::string said = ask(request("POST /", std::string(kHost) + "Expect: 100-continue\r\n"));
  EXPECT_EQ(status_of_response(said), "405");
}

TEST(HttpAnswers, ASourceThatThrowsIsAnErrorOfTheServer) {
  const Answers answers([]() -> Snapshot { throw std::runtime_error("no memory"); }, kHosts);
  const std::string said = answers.answer(request("GET /"));
  EXPECT_EQ(status_of_response(said), "500");
  EXPECT_EQ(body_of_response(said), "No snapshot: no memory\n");
}

TEST(HttpAnswers, LeavesTheProgramsSignalsAsTheyAre) {
  std::signal(SIGPIPE, SIG_DFL);
  const Answers answers = answers_of({});
  EXPECT_EQ(std::signal(SIGPIPE, SIG_DFL), SIG_DFL);
}

TEST(HttpAnswers, RandomRequestsNeverGetTheSnapshotWithoutTheRightHost) {
  std::mt19937_64 random(20);
  const std::vector<std::string> pieces{"GET ",
                                        "HEAD ",
                                        "POST ",
                                        "/",
                                        "/json",
                                        " HTTP/1.1",
                                        " HTTP/1.0",
                                        "\r\n",
                                        "\n",
                                        "Host: ",
                                        "Host:\t",
                                        "host",
                                        ":",
                                        "evil",
                                        "9123",
                                        "127.0.0.1:9124",
                                        "%00",
                                        "%2f",
                                        "?a=b",
                                        "Origin: null",
                                        "Range: bytes=0-",
                                        "Transfer-Encoding: chunked",
                                        "Content-Length: -1",
                                        std::string(1, '\0'),
                                        "\xff",
                                        std::string(3000, 'a'),
                                        "Connection: keep-alive",
                                        "Expect: 100-continue"};
  const Answers answers = answers_of({busy_snapshot(), {.title = "peerd"}});
  for (int i = 0; i < 3000; ++i) {
    std::string head;
    for (std::uint64_t n = random() % 12; n > 0; --n) head += pieces[random() % pieces.size()];
    const std::string said = answers.answer(head + "\r\n\r\n");
    EXPECT_NE(status_of_response(said), "200") << head;
    EXPECT_EQ(said.find("peerd"), std::string::npos) << head;
  }
}

}  // namespace
}  // namespace onelane::test
