// Folders in memory, for what a test wants to see of an intake's files: their bytes, every call in
// order, and failures at the calls that it names. What a power cut leaves is tests/sim/'s.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/intake/folder.h"

namespace onelane::test {

enum class FolderCall : std::uint8_t {
  open,
  create,
  rename,
  remove,
  list,
  lock,
  sync_folder,
  write,
  read,
  sync,
  size,
};

// Makes calls fail: the one after `after` others that match, once or for ever.
struct FolderFault {
  FolderCall call = FolderCall::write;
  std::string file{};  // part of the file's name; empty: any
  std::uint64_t after = 0;
  bool for_ever = false;
  bool no_room = false;
  std::size_t written = 0;  // bytes of a failed write that reach the file all the same
};

class MemoryStorage final : public intake::Storage {
 public:
  using Bytes = std::vector<std::byte>;
  // A file, and its name's place in a folder.
  using Files = std::map<std::string, std::shared_ptr<Bytes>>;

  Result<std::unique_ptr<intake::Folder>> open(const std::filesystem::path& path) override;
  Result<std::unique_ptr<intake::Folder>> make(const std::filesystem::path& path) override;

  // The folder's files, for a test to look at and to change.
  Files& files(const std::string& folder) { return folders_[folder]; }
  // Copies of all bytes, so that a test can go back to them.
  std::map<std::string, Bytes> image(const std::string& folder);
  void restore(const std::string& folder, const std::map<std::string, Bytes>& image);

  void fail(const FolderFault& fault) { fault_ = fault; }
  void heal() { fault_.reset(); }
  std::uint64_t failures() const noexcept { return failures_; }
  // What was called since it was last asked: "create new-segment-000001", "sync segment-000001".
  std::vector<std::string> calls() { return std::exchange(calls_, {}); }

  // --- For the folders.
  intake::Done meet(FolderCall call, const std::string& name, std::size_t* written = nullptr);
  std::string name_of(const std::shared_ptr<Bytes>& bytes) const;
  std::map<std::string, int>& locks() { return locks_; }

 private:
  std::map<std::string, Files> folders_;
  std::map<std::string, int> locks_;
  std::optional<FolderFault> fault_;
  std::uint64_t failures_ = 0;
  std::vector<std::string> calls_;
};

}  // namespace onelane::test
