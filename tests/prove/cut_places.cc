#include "tests/prove/cut_places.h"

#include <algorithm>
#include <utility>

#include "tests/prove/ledger.h"

namespace onelane::prove {

CutPlaces cut_places(const test::DiskLog& log, const Cuts& how, test::Random& random) {
  const auto& events = log.events();
  std::vector<std::size_t> openings;
  bool opening = false;
  bool later = how.later;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (opening) openings.push_back(i);
    if (events[i].deed != test::Deed::note) continue;
    if (events[i].file == kLifeNote) opening = std::exchange(later, true);
    if (events[i].file == kOpenNote) opening = false;
  }
  CutPlaces out;
  out.events.resize(how.count);
  for (std::size_t& place : out.events) {
    const bool within = !openings.empty() && test::chance(random, how.opening_percent);
    if (within) ++out.in_openings;
    place = within ? openings[test::below(random, openings.size())]
                   : test::below(random, events.size() + 1);
  }
  std::sort(out.events.begin(), out.events.end());
  return out;
}

}  // namespace onelane::prove
