// This file holds the table and nothing else: a test program can define families() with a table of its own.
#include "models/family.h"
#include "models/sd1.h"
#include "models/sd2.h"
#include "models/sdxl.h"

namespace rankine {

std::span<const Family* const> families() {
  static constexpr const Family* table[] = {&sd1_family, &sd2_family, &sdxl_family};
  return table;
}

}  // namespace rankine
