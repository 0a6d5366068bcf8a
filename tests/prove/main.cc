#include "tests/prove/flags.h"

int main(int argc, char** argv) {
  onelane::prove::Flags flags(argc, argv);
  return onelane::prove::prove(flags);
}
