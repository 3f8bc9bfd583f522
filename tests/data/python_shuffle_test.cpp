#include "data/python_shuffle.h"

#include <doctest/doctest.h>

using namespace rankine;

TEST_CASE("shuffling gives the order that Python gives for the seed") {
  // random.seed(SEED); l = list(range(COUNT)); random.shuffle(l)
  CHECK(python_shuffle(5, 0) == std::vector{2, 1, 0, 4, 3});
  CHECK(python_shuffle(10, 42) == std::vector{7, 3, 2, 8, 5, 6, 9, 4, 0, 1});
  CHECK(python_shuffle(10, -42) == python_shuffle(10, 42));
  CHECK(python_shuffle(7, (int64_t{1} << 40) + 3) == std::vector{3, 6, 2, 5, 4, 0, 1});
  CHECK(python_shuffle(33, 123456789) == std::vector{13, 10, 21, 15, 3,  20, 23, 1,  4,  7,  16, 32, 2, 30, 24, 18, 5,
                                                     8,  0,  19, 6,  31, 27, 26, 11, 17, 12, 14, 22, 9, 29, 25, 28});
  CHECK(python_shuffle(1, 5) == std::vector{0});
  CHECK(python_shuffle(0, 5).empty());
}
