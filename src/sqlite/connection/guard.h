// What keeps SQL that is not ours from ending, nesting or leaving the transaction, and from
// changing settings. There are two nets. An authorizer refuses such SQL when it is prepared, with a
// message of its own. A hook vetoes every commit that was not armed, whatever caused it.
//
// The authorizer is installed once, since installing it makes SQLite prepare every statement anew,
// and lifted while our own statements are prepared and stepped: a change of the schema makes SQLite
// prepare them again inside the step.
#pragma once

#include <string_view>

struct sqlite3;

namespace onelane::inline v0::sqlite {

class Guard {
 public:
  Guard() = default;
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // Outlives the connection.
  void install(sqlite3* db) noexcept;

  // While it lives, SQL of our own may do what it wants.
  class Lifted {
   public:
    explicit Lifted(Guard& guard) noexcept : guard_(guard) { guard_.lifted_ = true; }
    ~Lifted() { guard_.lifted_ = false; }
    Lifted(const Lifted&) = delete;
    Lifted& operator=(const Lifted&) = delete;

   private:
    Guard& guard_;
  };

  // While it lives, a commit goes through.
  class Armed {
   public:
    explicit Armed(Guard& guard) noexcept : guard_(guard) { guard_.armed_ = true; }
    ~Armed() { guard_.armed_ = false; }
    Armed(const Armed&) = delete;
    Armed& operator=(const Armed&) = delete;

   private:
    Guard& guard_;
  };

  // "COMMIT is not allowed inside the lane" if something was refused and is not forgotten yet, else
  // empty.
  std::string_view refusal() const noexcept { return refusal_; }
  void forget_refusal() noexcept { refusal_[0] = '\0'; }

 private:
  static int authorize(void* self, int action, const char* first, const char* second, const char*,
                       const char*) noexcept;
  static int on_commit(void* self) noexcept;
  int refuse(const char* what, const char* detail) noexcept;

  bool lifted_ = false;
  bool armed_ = false;
  char refusal_[128] = "";
};

}  // namespace onelane::inline v0::sqlite
