// The calls that a disk got, in one order over all of its files, and the promises that its user
// noted meanwhile. From it power_cut.h can cut the power at any point.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace onelane::test {

// The files of a disk by name.
using Image = std::map<std::string, std::vector<std::byte>>;

enum class Deed : std::uint8_t {
  create,
  remove,
  rename,
  sync_directory,
  write,
  truncate,
  sync,
  failed_sync,  // what it covered counts as clean, but not all of it is on the disk
  note,         // of the user's; means nothing to the disk
};

struct DiskEvent {
  Deed deed = Deed::note;
  std::uint32_t file = 0;  // its number; of a note, the kind
  // Of a write, where; of a truncation, the size; of syncs, how many events are covered, since a
  // sync covers what came before it began; of create and remove, the name; of rename, the old name,
  // which the new one follows; of a note, the value.
  std::uint64_t at = 0;
  std::size_t first = 0;  // of a write: its bytes, in DiskLog's store
  std::size_t size = 0;
};

class DiskLog {
 public:
  const std::vector<DiskEvent>& events() const noexcept { return events_; }
  std::size_t size() const noexcept { return events_.size(); }
  const std::string& name_of(const DiskEvent& event) const { return names_[event.at]; }
  const std::string& new_name_of(const DiskEvent& event) const { return names_[event.at + 1]; }
  std::span<const std::byte> bytes_of(const DiskEvent& event) const {
    return std::span(store_).subspan(event.first, event.size);
  }

  void append(const DiskEvent& event) { events_.push_back(event); }
  void append_entry(Deed deed, std::uint32_t file, const std::string& name) {
    names_.push_back(name);
    append({.deed = deed, .file = file, .at = names_.size() - 1});
  }
  void append_rename(std::uint32_t file, const std::string& from, const std::string& to) {
    append_entry(Deed::rename, file, from);
    names_.push_back(to);
  }
  void append_write(std::uint32_t file, std::uint64_t at, std::span<const std::byte> bytes) {
    append({.deed = Deed::write,
            .file = file,
            .at = at,
            .first = store_.size(),
            .size = bytes.size()});
    store_.insert(store_.end(), bytes.begin(), bytes.end());
  }

 private:
  std::vector<DiskEvent> events_;
  std::vector<std::string> names_;
  std::vector<std::byte> store_;
};

}  // namespace onelane::test
