// What a simulation did, folded into one number: the same seed must give the same number. Printed,
// too, where --trace is given.
#pragma once

#include <cstdint>
#include <cstdio>

namespace onelane::test {

class Trace {
 public:
  explicit Trace(std::FILE* out) : out_(out) {}

  // `what` is a literal that says what the numbers are.
  void add(const char* what, std::uint64_t first, std::uint64_t second = 0) {
    for (const char* each = what; *each != '\0'; ++each) fold(static_cast<unsigned char>(*each));
    fold(first);
    fold(second);
    if (out_ == nullptr) return;
    std::fprintf(out_, "%s %llu %llu\n", what, static_cast<unsigned long long>(first),
                 static_cast<unsigned long long>(second));
  }
  std::uint64_t hash() const noexcept { return hash_; }

 private:
  void fold(std::uint64_t value) noexcept { hash_ = (hash_ ^ value) * 0x100000001b3ULL; }

  std::FILE* const out_;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace onelane::test
