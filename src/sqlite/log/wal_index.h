// The WAL's index, in which all connections to a database agree on how long the WAL is and how much
// of it is checkpointed. The format: https://sqlite.org/walformat.html#the_wal_index_file_format
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "src/sqlite/connection/connection.h"

namespace onelane::inline v0::sqlite {

class WalIndex {
 public:
  // The index of a connection that has opened the WAL; the connection must outlive it.
  static Result<std::unique_ptr<WalIndex>> of(Connection& connection);

  // Whether all of the WAL is checkpointed, so that the COMMIT of a transaction may restart it.
  // Asked in a transaction that holds the write lock and has written nothing yet. A checkpoint of
  // somebody else's can make this true meanwhile, but never false.
  bool wholly_copied() const noexcept;

  // Frames in the WAL, and how many of them are checkpointed. Any thread; while somebody commits
  // they may be a moment old or ahead.
  std::uint32_t frames() const noexcept;
  std::uint32_t copied() const noexcept;
  // The read marks, one bit each, whose readers keep a checkpoint from going on. The first is for
  // readers of the database's file alone, of which nothing may be overwritten.
  unsigned keeping_marks() const noexcept;

  // Compares the WAL file with its index, and fails if the format is not the one in wal_format.h.
  // False if the WAL holds no commit to look at. Only while nobody can write.
  //
  // SQLite itself refuses another format's number. This is for a changed SQLite that kept the
  // number: whether the last frame has its commit mark, and its salt, where FrameGather expects
  // them.
  Result<bool> describes(sqlite3_file* log, std::size_t page_bytes) const;

 private:
  explicit WalIndex(volatile void* region) noexcept
      : words_(static_cast<volatile std::uint32_t*>(region)) {}

  bool has_salt(std::span<const std::byte> header, std::size_t at) const noexcept;

  const volatile std::uint32_t* const words_;
};

}  // namespace onelane::inline v0::sqlite
