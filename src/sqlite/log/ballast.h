// A file beside the database that only takes up room, for a disk that gets full: the database has
// to grow before the log can begin anew, so a disk without any room left would stay full for good.
// Given up, it makes room for what the log holds; it is made again, of written bytes, before
// anything more is committed. Through SQLite's VFS, as all that lies beside the database.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace onelane::sqlite {

class Ballast {
 public:
  // Of so many bytes; 0: none. It is made, or taken over from whoever left it, by make().
  Ballast(const std::string& database, std::uint64_t bytes);

  // Whether it is there, whole. Where there is no room for it, it takes none.
  bool make() noexcept;
  void give_up() noexcept;
  void remove() noexcept;

  bool wanted() const noexcept { return bytes_ != 0; }
  std::uint64_t held() const noexcept { return held_.load(std::memory_order_relaxed); }

 private:
  const std::string path_;
  const std::uint64_t bytes_;
  std::atomic<std::uint64_t> held_{0};  // any thread may ask
};

}  // namespace onelane::sqlite
