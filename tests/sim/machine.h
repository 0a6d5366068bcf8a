// What outlives a simulation: the place where databases lie, and who looks into them afterwards
// with plain SQLite.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/disk_vfs.h"
#include "tests/sim/history.h"

namespace onelane::test {

// Tables for units of every kind, and a place for somebody else's rows.
extern const char* const kSimulationSchema;

class Machine {
 public:
  static constexpr std::size_t kPageSizes = 8;  // 512 to 65,536

  // The directory is a real one, for the lock file that onelane keeps beside a database.
  explicit Machine(std::string database);

  const std::string& database() const noexcept { return database_; }
  void mount(std::shared_ptr<Disk> disk) { vfs_.mount(std::move(disk)); }
  // Of a disk with an empty database of this page size.
  const Image& blank(std::size_t page_size) const { return blanks_[page_size]; }

  struct Found {
    std::string damage;  // empty if the database is whole
    std::vector<AppliedRow> rows;
  };
  Found look(const Image& image);
  // Of the image, the database's file alone.
  Image without_log(Image image) const;

 private:
  void make_blanks();

  const std::string database_;
  DiskVfs vfs_;
  DiskVfs own_vfs_;
  std::array<Image, kPageSizes> blanks_;
};

}  // namespace onelane::test
