#include "src/sqlite/connection/lock_registry.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>
#include <utility>

namespace onelane::inline v0::sqlite {

namespace {

// Whether anybody, this process included, has a lock there.
bool locked(int fd, LockBytes bytes) noexcept {
  struct flock asked = lock_of(F_WRLCK, bytes);
  return ::fcntl(fd, F_OFD_GETLK, &asked) != 0 || asked.l_type != F_UNLCK;
}

}  // namespace

// Nobody forks while the mutex is held: a child finds it free, and inherits none of the short locks
// of close_unused().
LockRegistry* LockRegistry::make() {
  static LockRegistry* one = new LockRegistry;
  pthread_atfork([] { one->mutex_.lock(); }, [] { one->mutex_.unlock(); },
                 [] {
                   one->close_inherited();
                   one->mutex_.unlock();
                 });
  return one;
}

void LockRegistry::keep_from_children(int fd, FileId id) {
  const std::scoped_lock lock(mutex_);
  inheritable_.push_back({fd, id});
}

void LockRegistry::forget(int fd) noexcept {
  const std::scoped_lock lock(mutex_);
  std::erase_if(inheritable_, [fd](const Inheritable& each) { return each.fd == fd; });
}

// By these the child would share their locks, and have them after us.
void LockRegistry::close_inherited() noexcept {
  for (const Inheritable& each : inheritable_) {
    if (id_of(each.fd) == each.id) ::close(each.fd);
  }
  inheritable_.clear();
}

Status LockRegistry::free(FileId id, const std::string& path) {
  const std::scoped_lock lock(mutex_);
  return free_now(id, path);
}

Status LockRegistry::free_now(FileId id, const std::string& path) const {
  const auto same = [&](const Held& each) { return each.id == id; };
  const auto found = std::find_if(held_.begin(), held_.end(), same);
  if (found == held_.end()) return {};
  if (!found->owner.forked()) {
    return {Errc::already_open, path + ": another journal in this process has it open"};
  }
  // SQLite's table of the locks that a process has is inherited, the locks are not.
  return {Errc::forked,
          path +
              ": it was open when this process was forked, and SQLite cannot open it safely "
              "here; exec a program that does, or fork before it is opened"};
}

Status LockRegistry::add(FileId id, const std::string& path) {
  const std::scoped_lock lock(mutex_);
  sweep();
  if (Status status = free_now(id, path); !status.ok()) return status;
  // A journal has three descriptors, and no retire() should need memory.
  parked_.reserve(parked_.size() + 3 * (held_.size() + 1));
  held_.push_back({id, base::ForkWitness()});
  return {};
}

void LockRegistry::remove(FileId id) noexcept {
  const std::scoped_lock lock(mutex_);
  std::erase_if(held_, [&](const Held& each) { return each.id == id && !each.owner.forked(); });
}

FileDescriptor LockRegistry::parked(FileId id) noexcept {
  const std::scoped_lock lock(mutex_);
  const auto same = [&](const Parked& each) { return each.id == id; };
  const auto found = std::find_if(parked_.begin(), parked_.end(), same);
  if (found == parked_.end()) return {};
  FileDescriptor file = std::move(found->file);
  parked_.erase(found);
  if (id_of(file.get()) == id) return file;
  (void)file.release();  // the program has closed it: the number may be another file's by now
  return {};
}

void LockRegistry::retire(FileDescriptor file, FileId id, LockBytes bytes) noexcept {
  const std::scoped_lock lock(mutex_);
  park(std::move(file), id, bytes);
  sweep();
}

void LockRegistry::park(FileDescriptor file, FileId id, LockBytes bytes) noexcept {
  try {
    parked_.push_back({id, bytes, std::move(file)});
  } catch (const std::bad_alloc&) {
    (void)file.release();  // open for good, rather than closed at the wrong time
  }
}

void LockRegistry::sweep() noexcept {
  std::erase_if(parked_, [this](Parked& each) {
    if (id_of(each.file.get()) == each.id) return close_unused(each.file, each.bytes);
    (void)each.file.release();
    return true;
  });
}

// Closes the file while this process has none of these locks and cannot get one: another open file
// description holds them all, and a close drops the process's own locks before those. Not locked
// through `file` itself, whose description a forked child may share, and so keep locked.
bool LockRegistry::close_unused(FileDescriptor& file, LockBytes bytes) noexcept {
  if (locked(file.get(), bytes)) return false;
  std::array<char, 32> name{};  // not a string: a close should need no memory
  std::snprintf(name.data(), name.size(), "/proc/self/fd/%d", file.get());
  FileDescriptor keeper(::open(name.data(), O_RDWR | O_CLOEXEC));
  if (!keeper.open()) return false;
  struct flock all = lock_of(F_WRLCK, bytes);
  if (::fcntl(keeper.get(), F_OFD_SETLK, &all) != 0) {
    (void)keeper.release();  // somebody came just now: to close it would be the very mistake
    return false;
  }
  ::close(file.release());
  return true;
}

}  // namespace onelane::inline v0::sqlite
