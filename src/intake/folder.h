// The files of an intake: a folder of them, and the calls that are made of it. Tests put a disk in
// memory in the system's place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "onelane/status.h"

namespace onelane::inline v0::intake {

// What a call came to: ok, or storage with the file's name, the call and the system's words.
struct [[nodiscard]] Done {
  Status cause{};
  bool no_room = false;  // the disk or the quota is full, or a file may not be that large

  bool ok() const noexcept { return cause.ok(); }
};

// One thread at a time.
class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  // All of it, or a failure that may have written any part.
  virtual Done write(std::uint64_t at, std::span<const std::byte> bytes) = 0;
  // How many bytes there were: fewer than asked for only at the file's end.
  virtual Result<std::size_t> read(std::uint64_t at, std::span<std::byte> to) const = 0;
  // Once it returns ok, all that was written before it began survives a power cut.
  virtual Done sync() = 0;
  virtual Result<std::uint64_t> size() const = 0;
};

// Keeps every other opener out of the folder, in this process and in others, until it is destroyed.
class FolderLock {
 public:
  FolderLock() = default;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  virtual ~FolderLock() = default;
};

// Names are those of files directly in the folder. Any thread.
class Folder {
 public:
  Folder() = default;
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  virtual ~Folder() = default;

  // Its path, for messages.
  virtual const std::string& path() const noexcept = 0;
  // Sorted.
  virtual Result<std::vector<std::string>> list() const = 0;
  virtual Result<std::unique_ptr<File>> open(const std::string& name) = 0;
  // New, or emptied; private to the user.
  virtual Result<std::unique_ptr<File>> create(const std::string& name) = 0;
  virtual Done rename(const std::string& from, const std::string& to) = 0;
  virtual Done remove(const std::string& name) = 0;
  // Makes what was created, renamed and removed before survive a power cut.
  virtual Done sync() = 0;
  // already_open: somebody has it.
  virtual Result<std::unique_ptr<FolderLock>> lock() = 0;
};

// Where folders are. Any thread.
class Storage {
 public:
  Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  virtual ~Storage() = default;

  // Null if there is no such folder. invalid_argument: it is no folder, or a link.
  virtual Result<std::unique_ptr<Folder>> open(const std::filesystem::path& path) = 0;
  // The same, made if there is none, private to the user; then the folder that it is in was synced.
  virtual Result<std::unique_ptr<Folder>> make(const std::filesystem::path& path) = 0;
};

// The system's, or what use_storage() put in its place.
Storage& storage() noexcept;
// For tests: null for the system's again. Not while any intake is open.
void use_storage(Storage* other) noexcept;

}  // namespace onelane::inline v0::intake
