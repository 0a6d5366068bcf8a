#include "src/engine/key_table.h"

#include <utility>

namespace onelane::inline v0::engine {

void KeyTable::put(Entry* entry) {
  const auto older = newest_.find(entry->key());
  if (older == newest_.end()) {
    newest_.emplace(entry->key(), entry);
    return;
  }
  replace(older, entry);
}

void KeyTable::remove(const Entry* entry) {
  const auto found = newest_.find(entry->key());
  if (found == newest_.end() || found->second != entry) return;
  if (entry->behind == entry) {
    newest_.erase(found);
  } else {
    replace(found, entry->behind);
  }
}

// The key's view moves to the new entry, too: the bytes of the other one's key end with it.
void KeyTable::replace(Newest::iterator found, Entry* entry) {
  auto node = newest_.extract(found);
  node.key() = entry->key();
  node.mapped() = entry;
  newest_.insert(std::move(node));
}

}  // namespace onelane::inline v0::engine
