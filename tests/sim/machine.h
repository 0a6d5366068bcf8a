// What outlives a simulation: the directory of its databases, and a reader that opens them
// afterwards with plain SQLite.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/content.h"
#include "tests/sim/disk_storage.h"
#include "tests/sim/disk_vfs.h"
#include "tests/sim/history.h"

namespace onelane::test {

class Machine {
 public:
  static constexpr std::size_t kPageSizes = 8;  // 512 to 65,536

  // The directory is a real one: onelane locks a file there that is called like the database.
  explicit Machine(std::string database);
  ~Machine() { intake::use_storage(nullptr); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  const std::string& database() const noexcept { return database_; }
  void mount(const std::shared_ptr<Disk>& disk);
  // The journal's process, and the VFS by which another one has the same disk.
  Process process() const { return vfs_.process(); }
  const char* foreign_vfs() const { return foreign_vfs_.name(); }
  // Of a disk with an empty database of this page size.
  const Image& blank(std::size_t page_size) const { return blanks_[page_size]; }

  struct Found {
    std::string damage;  // empty if the database is whole
    Content content;
  };
  Found look(const Image& image);
  // The same after a journal was opened on it, which applies what is left in an intake. Mounts
  // another disk.
  Found open_and_look(const Image& image, const Features& features);
  // Of the image, the database's file alone.
  Image without_log(Image image) const;

 private:
  void make_blanks();

  const std::string database_;
  DiskVfs vfs_;
  DiskVfs foreign_vfs_;
  DiskVfs own_vfs_;
  DiskStorage storage_;
  std::array<Image, kPageSizes> blanks_;
};

}  // namespace onelane::test
