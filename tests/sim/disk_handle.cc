#include "tests/sim/disk_handle.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "tests/sim/disk_file.h"
#include "tests/sim/real_locks.h"

namespace onelane::test {

namespace {

constexpr unsigned kAllLogLocks = (1U << SQLITE_SHM_NLOCK) - 1;

}  // namespace

DiskHandle::DiskHandle(std::shared_ptr<Disk> disk, const std::string& name, VfsFile kind,
                       Process process)
    : disk_(std::move(disk)), name_(name), kind_(kind), process_(process) {
  const std::scoped_lock lock(disk_->mutex_);
  const auto found = disk_->files_.find(name);
  made_ = found == disk_->files_.end();
  file_ = made_ ? disk_->add(name) : found->second;
  if (made_) disk_->log_.append_entry(Deed::create, file_->number, name);
  opener_ = file_->openers++;
  file_->handles.push_back(this);
  errors_seen_ = file_->errors;
}

DiskHandle::~DiskHandle() {
  shm_unmap(false);
  const std::scoped_lock lock(disk_->mutex_);
  std::erase(file_->handles, this);
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

int DiskHandle::make_room(std::uint64_t end) {
  const std::scoped_lock lock(disk_->mutex_);
  if (end <= file_->content.size()) return SQLITE_OK;
  std::uint64_t used = end - file_->content.size();
  for (const auto& [name, file] : disk_->files_) used += file->content.size();
  if (used <= disk_->room_) return SQLITE_OK;
  const bool quota = disk_->no_room_ == NoRoom::quota;
  last_errno_ = quota ? EDQUOT : 0;
  return quota ? SQLITE_IOERR_WRITE : SQLITE_FULL;
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

bool DiskHandle::moved() const {
  const std::scoped_lock lock(disk_->mutex_);
  const auto found = disk_->files_.find(name_);
  return found == disk_->files_.end() || found->second != file_;
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
  const bool logs = kind_ == VfsFile::log || kind_ == VfsFile::journal;
  if (made_ && !std::exchange(directory_synced_, true) && logs &&
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

// Within a process all connections see each other's locks; another process sees those that the
// system still has.
bool DiskHandle::others_hold(int level, bool regained) const {
  return std::any_of(file_->handles.begin(), file_->handles.end(), [&](const DiskHandle* each) {
    const bool seen = each->process_ == process_ || !each->lock_lost_ || regained;
    return each != this && seen && each->level_ >= level;
  });
}

bool DiskHandle::others_share() const {
  const RealLocks real = real_locks(name_);
  return real.barred || others_hold(SQLITE_LOCK_SHARED, real.regained);
}

int DiskHandle::lock(int level) {
  const std::scoped_lock lock(disk_->mutex_);
  if (level_ >= level) return SQLITE_OK;
  if (level == SQLITE_LOCK_SHARED) {
    if (others_hold(SQLITE_LOCK_PENDING)) return SQLITE_BUSY;
    // The system is asked for a process's first one only.
    lock_lost_ =
        std::any_of(file_->handles.begin(), file_->handles.end(), [&](const DiskHandle* each) {
          return each != this && each->process_ == process_ && each->level_ > SQLITE_LOCK_NONE &&
                 each->lock_lost_;
        });
  } else {
    if (others_hold(SQLITE_LOCK_RESERVED)) return SQLITE_BUSY;
    lock_lost_ = false;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
      level_ = SQLITE_LOCK_PENDING;
      if (others_share()) return SQLITE_BUSY;
    }
  }
  level_ = level;
  return SQLITE_OK;
}

void DiskHandle::unlock(int level) {
  const std::scoped_lock lock(disk_->mutex_);
  if (level_ <= level) return;
  level_ = level;
  if (level == SQLITE_LOCK_NONE) lock_lost_ = false;
}

bool DiskHandle::reserved() const {
  const std::scoped_lock lock(disk_->mutex_);
  return level_ >= SQLITE_LOCK_RESERVED || others_hold(SQLITE_LOCK_RESERVED);
}

// --- The log's shared memory and locks.

// What others of the process have mapped, whatever name it has by now; else what has the name.
void DiskHandle::map_shared() {
  for (const DiskHandle* each : file_->handles) {
    if (each->process_ == process_ && each->shared_) shared_ = each->shared_;
  }
  if (!shared_) shared_ = file_->shared.lock();
  if (shared_) return;
  shared_ = std::make_shared<SharedMemory>();
  file_->shared = shared_;
}

volatile void* DiskHandle::shared(std::size_t region, std::size_t size, bool extend) {
  const std::scoped_lock lock(disk_->mutex_);
  if (!shared_) map_shared();
  auto& regions = shared_->regions;
  if (region >= regions.size() && !extend) return nullptr;
  while (region >= regions.size()) regions.push_back(std::make_unique<std::byte[]>(size));
  return regions[region].get();
}

int DiskHandle::shm_lock(unsigned mask, int flags) {
  const std::scoped_lock lock(disk_->mutex_);
  if (!shared_) map_shared();
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  const bool unlocks = (flags & SQLITE_SHM_UNLOCK) != 0;
  for (unsigned i = 0; i < SQLITE_SHM_NLOCK && !unlocks; ++i) {
    if ((mask & (1U << i)) == 0) continue;
    const SharedMemory::Lock& each = shared_->locks[i];
    if (each.writer != nullptr && each.writer != this) return SQLITE_BUSY;
    const std::uint32_t mine = (shared_locks_ >> i) & 1U;
    if (exclusive && each.readers > mine) return SQLITE_BUSY;
  }
  for (unsigned i = 0; i < SQLITE_SHM_NLOCK; ++i) {
    const unsigned bit = 1U << i;
    if ((mask & bit) == 0) continue;
    SharedMemory::Lock& each = shared_->locks[i];
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

void DiskHandle::shm_unmap(bool unlinks) {
  {
    const std::scoped_lock lock(disk_->mutex_);
    if (!shared_) return;
  }
  (void)shm_lock(kAllLogLocks, SQLITE_SHM_UNLOCK);
  const std::scoped_lock lock(disk_->mutex_);
  const std::shared_ptr<SharedMemory> mine = std::exchange(shared_, nullptr);
  const bool last = std::none_of(
      file_->handles.begin(), file_->handles.end(),
      [&](const DiskHandle* each) { return each->process_ == process_ && each->shared_; });
  if (unlinks && last) file_->shared.reset();
}

}  // namespace onelane::test
