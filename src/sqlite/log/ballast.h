// A placeholder file beside the database, for a disk that gets full. The database has to grow
// before the WAL can restart, so a disk without any room left would stay full for good. Truncated,
// the placeholder makes room for the checkpoint. It is filled again before anything more is
// committed. Through SQLite's VFS, as all that lies beside the database.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace onelane::inline v0::sqlite {

class Ballast {
 public:
  // `bytes` is its size, 0 for none. make() makes the file, or takes over one that an earlier
  // opening left.
  Ballast(const std::string& database, std::uint64_t bytes);

  // Whether the file now has its whole size. If there is no room for that, it is truncated.
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

}  // namespace onelane::inline v0::sqlite
