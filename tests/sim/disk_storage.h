// Puts the files of an intake on a Disk, beside SQLite's: one power cut then leaves of both what it
// may. Names there are full paths.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "src/intake/folder.h"
#include "tests/sim/disk.h"

namespace onelane::test {

class DiskStorage final : public intake::Storage {
 public:
  DiskStorage() = default;
  explicit DiskStorage(std::shared_ptr<Disk> disk) { mount(std::move(disk)); }

  // The disk on which folders are opened from now on; nothing of it is locked. What is open stays
  // on its disk.
  void mount(std::shared_ptr<Disk> disk);

  // A folder is there once it was made or a file is in it.
  Result<std::unique_ptr<intake::Folder>> open(const std::filesystem::path& path) override;
  Result<std::unique_ptr<intake::Folder>> make(const std::filesystem::path& path) override;

  // What is known beside the disk of its folders.
  struct Folders {
    std::mutex mutex;
    std::set<std::string> made;
    std::set<std::string> locked;
  };

 private:
  std::mutex mutex_;
  std::shared_ptr<Disk> disk_;
  std::shared_ptr<Folders> folders_;
};

}  // namespace onelane::test
