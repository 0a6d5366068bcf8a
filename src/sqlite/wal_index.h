// What all who use one log agree on in shared memory: how long the log is, and how much of it is
// copied back. The format: https://sqlite.org/walformat.html#the_wal_index_file_format
#pragma once

#include <cstdint>
#include <memory>

#include "src/sqlite/connection.h"

namespace onelane::sqlite {

class WalIndex {
 public:
  // Of a connection that has opened the log, which must outlive it.
  static Result<std::unique_ptr<WalIndex>> of(Connection& connection);

  // In a transaction that holds the write lock, and has written nothing yet: whether its COMMIT may
  // begin the log anew. It may only if this was so at its BEGIN, and what is copied back stays so:
  // what somebody else's checkpoint does meanwhile can make this true, but never false.
  bool wholly_copied() const noexcept;

 private:
  explicit WalIndex(volatile void* region) noexcept
      : words_(static_cast<volatile std::uint32_t*>(region)) {}

  const volatile std::uint32_t* const words_;
};

}  // namespace onelane::sqlite
