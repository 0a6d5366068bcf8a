// Which version of onelane a program is compiled with. Before 1.0 a new minor version may change
// the interface.
#pragma once

#define ONELANE_VERSION_MAJOR 0
#define ONELANE_VERSION_MINOR 1
#define ONELANE_VERSION_PATCH 0
// Grows with the version, for #if: 1.2.3 is 10203.
#define ONELANE_VERSION \
  (ONELANE_VERSION_MAJOR * 10000 + ONELANE_VERSION_MINOR * 100 + ONELANE_VERSION_PATCH)
#define ONELANE_VERSION_STRING "0.1.0"
