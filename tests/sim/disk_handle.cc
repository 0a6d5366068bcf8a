#include "tests/sim/disk_handle.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "tests/sim/disk_file.h"

namespace onelane::test {

namespace {

constexpr unsigned kAllLogLocks = (1U << SQLITE_SHM_NLOCK) - 1;

}  // namespace

DiskHandle::DiskHandle(std::shared_ptr<Disk> disk, const std::string& name, VfsFile kind)
    : disk_(std::move(disk)), kind_(kind) {
  const std::scoped_lock lock(disk_->mutex_);
  const auto found = disk_->files_.find(name);
  made_ = found == disk_->files_.end();
  file_ = made_ ? disk_->add(name) : found->second;
  if (made_) disk_->log_.append_entry(Deed::create, file_->number, name);
  opener_ = file_->openers++;
  errors_seen_ = file_->errors;
}

DiskHandle::~DiskHandle() {
  shm_unmap();
  unlock(SQLITE_LOCK_NONE);
}

int DiskHandle::read(std::span<std::byte> to, std::uint64_t at) {
  const std::scoped_lock lock(disk_->mutex_);
  const std::vector<std::byte>& content = file_->content;
  const std::size_t there = at < content.size() ? std::min(to.size(), content.size() - at) : 0;
  std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(std::min(at, content.size())), there,
              to.begin());
  std::fill(to.begin() + static_cast<std::ptrdiff_t>(there), to.end(), std::byte{0});
  return there == to.size() ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

bool DiskHandle::fits(std::uint64_t end) const {
  const std::scoped_lock lock(disk_->mutex_);
  if (end <= file_->content.size()) return true;
  std::uint64_t used = end - file_->content.size();
  for (const auto& [name, file] : disk_->files_) used += file->content.size();
  return used <= disk_->room_;
}

void DiskHandle::write(std::span<const std::byte> bytes, std::uint64_t at) {
  const std::scoped_lock lock(disk_->mutex_);
  std::vector<std::byte>& content = file_->content;
  content.resize(std::max<std::size_t>(content.size(), at + bytes.size()));
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(at));
  disk_->log_.append_write(file_->number, at, bytes);
}

void DiskHandle::truncate(std::uint64_t size) {
  const std::scoped_lock lock(disk_->mutex_);
  file_->content.resize(size);
  disk_->log_.append({.deed = Deed::truncate, .file = file_->number, .at = size});
}

std::uint64_t DiskHandle::size() const {
  const std::scoped_lock lock(disk_->mutex_);
  return file_->content.size();
}

void DiskHandle::append_sync(Deed deed, std::size_t covered) {
  disk_->log_.append({.deed = deed, .file = file_->number, .at = covered});
}

bool DiskHandle::lies() const {
  const Lies lies = disk_->options().lies;
  return lies == Lies::every_sync ||
         (lies == Lies::of_checkpointer && !(kind_ == VfsFile::log && opener_ < 2));
}

// What others write while it runs it does not cover: they may come in where `meanwhile` is called.
int DiskHandle::sync() {
  std::size_t covered = 0;
  {
    const std::scoped_lock lock(disk_->mutex_);
    covered = disk_->log_.size();
  }
  if (const int code = disk_->meet(VfsCall::sync, kind_); code != SQLITE_OK) {
    return failed_sync(code);
  }
  if (lies()) return SQLITE_OK;
  const std::scoped_lock lock(disk_->mutex_);
  if (errors_seen_ < file_->errors) {
    errors_seen_ = file_->errors;
    return SQLITE_IOERR_FSYNC;
  }
  append_sync(Deed::sync, covered);
  if (made_ && !std::exchange(directory_synced_, true) && kind_ != VfsFile::database &&
      disk_->options().syncs_directory) {
    disk_->sync_entries();
  }
  return SQLITE_OK;
}

int DiskHandle::failed_sync(int code) {
  const std::scoped_lock lock(disk_->mutex_);
  append_sync(Deed::failed_sync, disk_->log_.size());
  errors_seen_ = ++file_->errors;
  return disk_->options().lies == Lies::failed_syncs ? SQLITE_OK : code;
}

// --- The rollback journal's locks, as SQLite describes them.

int DiskHandle::lock(int level) {
  const std::scoped_lock lock(disk_->mutex_);
  if (level_ >= level) return SQLITE_OK;
  const bool others_pending = file_->pending != nullptr && file_->pending != this;
  const bool others_reserved = file_->reserved != nullptr && file_->reserved != this;
  if (level == SQLITE_LOCK_SHARED) {
    if (others_pending) return SQLITE_BUSY;
    ++file_->readers;
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (others_pending || others_reserved) return SQLITE_BUSY;
    file_->reserved = this;
  } else {
    if (others_pending || others_reserved) return SQLITE_BUSY;
    file_->pending = this;
    level_ = SQLITE_LOCK_PENDING;
    if (file_->readers > 1) return SQLITE_BUSY;
  }
  level_ = level;
  return SQLITE_OK;
}

void DiskHandle::unlock(int level) {
  const std::scoped_lock lock(disk_->mutex_);
  if (level_ <= level) return;
  if (file_->pending == this) file_->pending = nullptr;
  if (file_->reserved == this) file_->reserved = nullptr;
  if (level == SQLITE_LOCK_NONE) --file_->readers;
  level_ = level;
}

bool DiskHandle::reserved() const {
  const std::scoped_lock lock(disk_->mutex_);
  return file_->reserved != nullptr || file_->pending != nullptr;
}

// --- The log's shared memory and locks.

volatile void* DiskHandle::shared(std::size_t region, std::size_t size, bool extend) {
  const std::scoped_lock lock(disk_->mutex_);
  if (!std::exchange(mapped_, true)) ++file_->mappers;
  auto& regions = file_->regions;
  if (region >= regions.size() && !extend) return nullptr;
  while (region >= regions.size()) regions.push_back(std::make_unique<std::byte[]>(size));
  return regions[region].get();
}

int DiskHandle::shm_lock(unsigned mask, int flags) {
  const std::scoped_lock lock(disk_->mutex_);
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  const bool unlocks = (flags & SQLITE_SHM_UNLOCK) != 0;
  for (unsigned i = 0; i < SQLITE_SHM_NLOCK && !unlocks; ++i) {
    if ((mask & (1U << i)) == 0) continue;
    const DiskFile::LogLock& each = file_->log_locks[i];
    if (each.writer != nullptr && each.writer != this) return SQLITE_BUSY;
    const std::uint32_t mine = (shared_locks_ >> i) & 1U;
    if (exclusive && each.readers > mine) return SQLITE_BUSY;
  }
  for (unsigned i = 0; i < SQLITE_SHM_NLOCK; ++i) {
    const unsigned bit = 1U << i;
    if ((mask & bit) == 0) continue;
    DiskFile::LogLock& each = file_->log_locks[i];
    if (unlocks) {
      if ((exclusive_locks_ & bit) != 0) each.writer = nullptr;
      if ((shared_locks_ & bit) != 0) --each.readers;
      exclusive_locks_ &= ~bit;
      shared_locks_ &= ~bit;
    } else if (exclusive) {
      each.writer = this;
      exclusive_locks_ |= bit;
    } else if ((shared_locks_ & bit) == 0) {
      ++each.readers;
      shared_locks_ |= bit;
    }
  }
  return SQLITE_OK;
}

void DiskHandle::shm_unmap() {
  (void)shm_lock(kAllLogLocks, SQLITE_SHM_UNLOCK);
  const std::scoped_lock lock(disk_->mutex_);
  if (!std::exchange(mapped_, false)) return;
  if (--file_->mappers == 0) file_->regions.clear();
}

}  // namespace onelane::test
