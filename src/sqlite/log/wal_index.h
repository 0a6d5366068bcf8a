// The wal-index, in which all connections to a database agree on how long the log is, and how much
// of it is copied back, and what of the log's file it describes. The format:
// https://sqlite.org/walformat.html#the_wal_index_file_format
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "src/sqlite/connection/connection.h"

namespace onelane::sqlite {

class WalIndex {
 public:
  // Of a connection that has opened the log, which must outlive it.
  static Result<std::unique_ptr<WalIndex>> of(Connection& connection);

  // In a transaction that holds the write lock, and has written nothing yet: whether its COMMIT may
  // begin the log anew. It may only if this was so at its BEGIN, and what is copied back stays so:
  // what somebody else's checkpoint does meanwhile can make this true, but never false.
  bool wholly_copied() const noexcept;

  // In the log now, and of these, copied back. From any thread; while somebody commits, a moment
  // old or ahead.
  std::uint32_t frames() const noexcept;
  std::uint32_t copied() const noexcept;
  // Of the read marks, one bit each, those whose readers keep what is not copied back where it is.
  // The first is for readers of the database's file alone, of which nothing may be overwritten.
  unsigned keeping_marks() const noexcept;

  // While nobody can write: compares the log's file with what the index says of it, and fails if a
  // SQLite that writes another format wrote it. False if the log holds no commit to look at.
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

}  // namespace onelane::sqlite
