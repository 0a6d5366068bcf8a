// The newest staged record of each coalescing key. Part of Staging, and guarded like it.
#pragma once

#include <string_view>
#include <unordered_map>

#include "src/model/entry.h"

namespace onelane::inline v0::engine {

using detail::Entry;

class KeyTable {
 public:
  // The newest entry with the key, or null.
  Entry* find(std::string_view key) const {
    const auto found = newest_.find(key);
    return found == newest_.end() ? nullptr : found->second;
  }
  // The entry, which has a key, is the newest of it from now on. Throws bad_alloc, and has then
  // done nothing.
  void put(Entry* entry);
  // The entry goes: the next older one of its ring is the newest then, if there is one. Does
  // nothing if the entry is not the newest of its key.
  void remove(const Entry* entry);

 private:
  using Newest = std::unordered_map<std::string_view, Entry*>;  // views into the entries

  void replace(Newest::iterator found, Entry* entry);

  Newest newest_;
};

}  // namespace onelane::inline v0::engine
