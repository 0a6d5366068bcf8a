// SQLite writes a frame to its log in two calls, its header and its page. A FrameGather replaces
// the methods of the WAL file on one connection. It hands adjoining writes to the VFS in pieces as
// large as that takes, so that most commits are a single write.
//
// SQLite publishes a commit in shared memory once the last page was written, without another call
// on the file. So what is gathered is written together with the page whose header has the commit
// mark, and before any other call on the file that could tell the difference. Until then an error
// waits, but no longer than its transaction: COMMIT fails with it. After a write that failed,
// nothing of its transaction is written behind the gap; and what is still gathered when the write
// lock is given up is dropped, whatever ended the transaction, since from then on its place in the
// WAL is another process's. A write that does not look like the next frame (the WAL's header, a
// page that is overwritten, recomputed checksums) passes through, behind what was gathered before
// it. The file format: https://sqlite.org/fileformat2.html#walformat
//
// Not thread-safe, like the connection whose file it is.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "src/sqlite/connection/connection.h"
#include "src/sqlite/log/index_locks.h"

namespace onelane::inline v0::sqlite {

class FrameGather {
 public:
  // On a connection, outside a transaction. The connection and its locks must outlive it.
  static Result<std::unique_ptr<FrameGather>> install(Connection& connection, IndexLocks& locks);
  // The files are as they were. What was not written by now belongs to no commit.
  ~FrameGather();
  FrameGather(const FrameGather&) = delete;
  FrameGather& operator=(const FrameGather&) = delete;

  // At the beginning of a transaction.
  void begin_transaction() noexcept;
  // Whether all that the last transaction wrote has reached the VFS, as it has when COMMIT
  // succeeds.
  bool complete() const noexcept { return size_ == 0 && !dropped_; }

 private:
  FrameGather(sqlite3_file* log, IndexLocks& locks, std::size_t page_bytes) noexcept;
  static FrameGather& of(sqlite3_file* file) noexcept;
  static int read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 at);
  static int write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 at);
  static int truncate(sqlite3_file* file, sqlite3_int64 size);
  static int sync(sqlite3_file* file, int flags);
  static int file_size(sqlite3_file* file, sqlite3_int64* size);

  sqlite3_int64 first() const noexcept { return next_ - static_cast<sqlite3_int64>(size_); }
  bool next_frame_at(sqlite3_int64 at) const noexcept;
  int put(std::span<const std::byte> data, sqlite3_int64 at) noexcept;
  int append(std::span<const std::byte> data) noexcept;
  int pass_on(std::span<const std::byte> data, sqlite3_int64 at) noexcept;
  int flush() noexcept;
  int failed(int code) noexcept;
  void end_transaction() noexcept;

  // The unix VFS writes less than this at once.
  static constexpr std::size_t kBytesMax = 128 * 1024 - 1;
  enum class Last : unsigned char { other, header, marked_header };

  sqlite3_io_methods methods_;  // first: the file leads here
  const sqlite3_io_methods* const real_;
  sqlite3_file* const file_;
  const sqlite3_int64 frame_bytes_;
  IndexLocks* const locks_;
  sqlite3_int64 next_ = -1;  // where the last write to the file ended
  Last last_ = Last::other;  // what that was
  std::size_t size_ = 0;     // of what is gathered, which ends at next_
  // Of the running transaction: why nothing more of it is written, and where the part begins that
  // was not written.
  int failure_ = SQLITE_OK;
  sqlite3_int64 missing_from_ = 0;
  bool dropped_ = false;  // a part of the last transaction was not written
  std::array<std::byte, kBytesMax> bytes_;
};

}  // namespace onelane::inline v0::sqlite
