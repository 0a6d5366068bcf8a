#include "tests/sim/disk.h"

#include <cerrno>
#include <numeric>
#include <utility>

#include "tests/sim/disk_file.h"
#include "tests/sim/disk_handle.h"

namespace onelane::test {

namespace {

// What is called within a call on the same thread is not looked at again.
thread_local bool t_meanwhile = false;

}  // namespace

std::shared_ptr<Disk> Disk::make(const Image& image, const DiskOptions& options) {
  return std::shared_ptr<Disk>(new Disk(image, options));
}

Disk::Disk(const Image& image, const DiskOptions& options) : start_(image), options_(options) {
  for (const auto& [name, bytes] : image) add(name)->content = bytes;
}

std::shared_ptr<DiskFile> Disk::add(const std::string& name) {
  auto file = std::make_shared<DiskFile>();
  file->number = files_made_++;
  return files_[name] = std::move(file);
}

Image Disk::content() const {
  const std::scoped_lock lock(mutex_);
  Image out;
  for (const auto& [name, file] : files_) out[name] = file->content;
  return out;
}

void Disk::note(std::uint32_t kind, std::uint64_t value) {
  const std::scoped_lock lock(mutex_);
  log_.append({.deed = Deed::note, .file = kind, .at = value});
}

void Disk::sync_entries() { log_.append({.deed = Deed::sync_directory, .at = log_.size()}); }

int Disk::sync_directory(VfsFile file) {
  if (meet(VfsCall::sync, file) != SQLITE_OK) return EIO;
  if (options_.lies == Lies::every_sync) return 0;
  const std::scoped_lock lock(mutex_);
  sync_entries();
  return 0;
}

void Disk::set_room(std::uint64_t bytes, NoRoom why) {
  const std::scoped_lock lock(mutex_);
  room_ = bytes;
  no_room_ = why;
}

void Disk::fail(const VfsFault& fault) {
  const std::scoped_lock lock(mutex_);
  fault_ = fault;
}

void Disk::heal() {
  const std::scoped_lock lock(mutex_);
  fault_.reset();
}

int Disk::meet(VfsCall call, VfsFile file, Written* written) {
  if (dead_.load()) return SQLITE_IOERR;
  if (meanwhile_ && !t_meanwhile) {
    t_meanwhile = true;
    meanwhile_(call, file);
    t_meanwhile = false;
  }
  const std::scoped_lock lock(mutex_);
  ++calls_[static_cast<std::size_t>(call)][static_cast<std::size_t>(file)];
  if (!fault_ || fault_->call != call) return SQLITE_OK;
  if (fault_->file != VfsFile::any && fault_->file != file) return SQLITE_OK;
  if (fault_->after > 0) {
    --fault_->after;
    return SQLITE_OK;
  }
  ++failures_;
  if (call == VfsCall::sync) ++failed_syncs_;
  if (call == VfsCall::sync && file == VfsFile::intake) ++failed_intake_syncs_;
  const int code = fault_->code;
  if (written != nullptr) *written = fault_->written;
  if (fault_->repeat == Repeat::once) fault_.reset();
  return code;
}

std::uint64_t Disk::calls(VfsCall call, VfsFile file) const {
  const std::scoped_lock lock(mutex_);
  const auto& counts = calls_[static_cast<std::size_t>(call)];
  if (file != VfsFile::any) return counts[static_cast<std::size_t>(file)];
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

bool Disk::exists(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  return files_.contains(name);
}

int Disk::remove(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto found = files_.find(name);
  if (found == files_.end()) return SQLITE_IOERR_DELETE_NOENT;
  log_.append_entry(Deed::remove, found->second->number, name);
  files_.erase(found);
  return SQLITE_OK;
}

bool Disk::rename(const std::string& from, const std::string& to) {
  const std::scoped_lock lock(mutex_);
  const auto found = files_.find(from);
  if (found == files_.end()) return false;
  log_.append_rename(found->second->number, from, to);
  files_[to] = found->second;
  files_.erase(from);
  return true;
}

std::vector<std::string> Disk::names(const std::string& prefix) const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, file] : files_) {
    if (name.starts_with(prefix)) out.push_back(name);
  }
  return out;
}

void Disk::drop_locks(const std::string& name, Process process) {
  const std::scoped_lock lock(mutex_);
  const auto found = files_.find(name);
  if (found == files_.end()) return;
  for (DiskHandle* each : found->second->handles) {
    if (each->process_ == process && each->level_ > SQLITE_LOCK_NONE) each->lock_lost_ = true;
  }
}

std::shared_ptr<Disk> Disk::survivor() {
  auto out = make({}, options_);
  dead_ = true;
  const std::scoped_lock lock(mutex_, out->mutex_);
  out->start_ = start_;
  out->log_ = log_;
  out->files_made_ = files_made_;
  for (const auto& [name, file] : files_) {
    auto copy = std::make_shared<DiskFile>();
    copy->number = file->number;
    copy->content = file->content;
    copy->errors = file->errors;
    out->files_[name] = std::move(copy);
  }
  return out;
}

}  // namespace onelane::test
