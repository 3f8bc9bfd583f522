// Takes the place of src/models/family_table.cpp in this executable.
#include "models/family.h"
#include "models/sd1.h"
#include "toys/toy_family.h"

namespace rankine {

std::span<const Family* const> families() {
  static constexpr const Family* table[] = {&sd1_family, &test::toy_family};
  return table;
}

}  // namespace rankine
