// What a journal promised about each record, and the check whether a database keeps it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "onelane/onelane.h"
#include "tests/sim/disk_vfs.h"

namespace onelane::prove {

// Records have ids from 0, and their table a counter that a trigger keeps.
extern const char* const kSchema;
extern const char* const kInsert;  // id, words

// Notes on a Disk.
inline constexpr std::uint32_t kDurableNote = 1;  // with the id as its value
inline constexpr std::uint32_t kOpenNote = 2;     // the journal is open
inline constexpr std::uint32_t kLifeNote = 3;     // a journal is about to be opened

// Safe from any thread.
class Ledger {
 public:
  void clear();
  std::uint64_t add();  // a record that is about to be pushed: its id
  void settled(std::uint64_t id, const Outcome& outcome);

  // Another life begins with these ids. After a power cut they are the ids on the disk. After a
  // kill all committed ids must be among them: gives what is missing, or nothing.
  void begin_after_power_cut(const Ledger& before, const std::vector<bool>& present);
  std::string begin_after_kill(const std::vector<bool>& present);

  // Empty if the ids that are there agree with the answers: all that was durable, whole commits up
  // to one of them, and nothing that was answered otherwise.
  std::string judge(const std::vector<bool>& present,
                    const std::vector<std::uint64_t>& durable) const;

 private:
  enum class Fate : std::uint8_t { open, committed, never };
  struct Entry {
    Fate fate = Fate::open;
    std::uint64_t commit = 0;  // counted on from life to life; 0: on the disk from the beginning
  };

  mutable std::mutex mutex_;
  std::vector<Entry> ids_;
  std::uint64_t life_ = 0;
};

// What plain SQLite finds on a disk after a crash.
struct Found {
  std::string damage;         // empty if the database is whole
  std::vector<bool> present;  // by id
};

class Inspector {
 public:
  // `database` is the file's name on the disk.
  explicit Inspector(std::string database);
  // Recovers, checks and reads; the disk keeps what recovery did.
  Found look(const std::shared_ptr<test::Disk>& disk);

 private:
  const std::string database_;
  test::DiskVfs vfs_;
};

}  // namespace onelane::prove
