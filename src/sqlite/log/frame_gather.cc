#include "src/sqlite/log/frame_gather.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "src/sqlite/connection/sync_name.h"
#include "src/sqlite/connection/wal_format.h"

namespace onelane::inline v0::sqlite {

namespace {

bool has_mark(std::span<const std::byte> header) noexcept {
  const auto mark = header.subspan(wal::kCommitMarkAt, wal::kNumberBytes);
  return std::any_of(mark.begin(), mark.end(), [](std::byte one) { return one != std::byte{0}; });
}

}  // namespace

Result<std::unique_ptr<FrameGather>> FrameGather::install(Connection& connection,
                                                          IndexLocks& locks) {
  const Result<sqlite3_file*> log = connection.log_file();
  if (!log) return log.status();
  const Result<std::size_t> page_bytes = connection.page_bytes();
  if (!page_bytes) return page_bytes.status();
  return std::unique_ptr<FrameGather>(new FrameGather(*log, locks, *page_bytes));
}

// The methods that are not replaced are given the same file, and never know.
FrameGather::FrameGather(sqlite3_file* log, IndexLocks& locks, std::size_t page_bytes) noexcept
    : methods_(methods_of(*log)),
      real_(log->pMethods),
      file_(log),
      frame_bytes_(static_cast<sqlite3_int64>(wal::frame_bytes(page_bytes))),
      locks_(&locks) {
  methods_.xRead = read;
  methods_.xWrite = write;
  methods_.xTruncate = truncate;
  methods_.xSync = sync;
  methods_.xFileSize = file_size;
  file_->pMethods = &methods_;
  locks_->before_unlock([this] { end_transaction(); });
}

FrameGather::~FrameGather() {
  file_->pMethods = real_;
  locks_->before_unlock(nullptr);
}

void FrameGather::begin_transaction() noexcept {
  end_transaction();
  dropped_ = false;
}

void FrameGather::end_transaction() noexcept {
  dropped_ = dropped_ || size_ != 0 || failure_ != SQLITE_OK;
  size_ = 0;
  failure_ = SQLITE_OK;
}

FrameGather& FrameGather::of(sqlite3_file* file) noexcept {
  static_assert(std::is_standard_layout_v<FrameGather>, "its methods are where it is");
  return *reinterpret_cast<FrameGather*>(const_cast<sqlite3_io_methods*>(file->pMethods));
}

// Nothing is tried twice: by then the place may be another transaction's.
int FrameGather::failed(int code) noexcept {
  failure_ = code;
  missing_from_ = first();
  size_ = 0;
  last_ = Last::other;
  return code;
}

int FrameGather::flush() noexcept {
  if (size_ == 0) return SQLITE_OK;
  const int code = real_->xWrite(file_, bytes_.data(), static_cast<int>(size_), first());
  if (code != SQLITE_OK) return failed(code);
  size_ = 0;
  return SQLITE_OK;
}

int FrameGather::append(std::span<const std::byte> data) noexcept {
  if (data.size() > kBytesMax - size_) {
    if (const int code = flush(); code != SQLITE_OK) return code;
  }
  std::copy(data.begin(), data.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
  size_ += data.size();
  next_ += static_cast<sqlite3_int64>(data.size());
  return SQLITE_OK;
}

int FrameGather::pass_on(std::span<const std::byte> data, sqlite3_int64 at) noexcept {
  if (const int code = flush(); code != SQLITE_OK) return code;
  next_ = at;
  const int code = real_->xWrite(file_, data.data(), static_cast<int>(data.size()), at);
  if (code != SQLITE_OK) return failed(code);
  next_ += static_cast<sqlite3_int64>(data.size());
  return SQLITE_OK;
}

// Where commits are padded, SQLite splits a write at a sector's end, and any size may follow.
bool FrameGather::next_frame_at(sqlite3_int64 at) const noexcept {
  return at == next_ && (at - static_cast<sqlite3_int64>(wal::kHeaderBytes)) % frame_bytes_ == 0;
}

int FrameGather::put(std::span<const std::byte> data, sqlite3_int64 at) noexcept {
  if (failure_ != SQLITE_OK && at > missing_from_) return failure_;
  if (at == missing_from_) failure_ = SQLITE_OK;  // SQLite writes all of it once more
  const Last before = std::exchange(last_, Last::other);
  if (next_frame_at(at) && data.size() == wal::kFrameHeaderBytes) {
    const int code = append(data);
    if (code == SQLITE_OK) last_ = has_mark(data) ? Last::marked_header : Last::header;
    return code;
  }
  if (at != next_ || before == Last::other) return pass_on(data, at);
  const int code = append(data);
  return code == SQLITE_OK && before == Last::marked_header ? flush() : code;
}

int FrameGather::write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 at) {
  return of(file).put({static_cast<const std::byte*>(data), static_cast<std::size_t>(bytes)}, at);
}

int FrameGather::read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 at) {
  FrameGather& self = of(file);
  if (self.failure_ != SQLITE_OK && at + bytes > self.missing_from_) return self.failure_;
  const int code = at + bytes > self.first() ? self.flush() : SQLITE_OK;
  return code == SQLITE_OK ? self.real_->xRead(file, out, bytes, at) : code;
}

int FrameGather::truncate(sqlite3_file* file, sqlite3_int64 size) {
  FrameGather& self = of(file);
  const int code = self.flush();
  return code == SQLITE_OK ? self.real_->xTruncate(file, size) : code;
}

int FrameGather::sync(sqlite3_file* file, int flags) {
  FrameGather& self = of(file);
  const int code = self.flush();
  return code == SQLITE_OK ? SyncName::of(self.real_->xSync(file, flags)) : code;
}

int FrameGather::file_size(sqlite3_file* file, sqlite3_int64* size) {
  FrameGather& self = of(file);
  const int code = self.flush();
  return code == SQLITE_OK ? self.real_->xFileSize(file, size) : code;
}

}  // namespace onelane::inline v0::sqlite
