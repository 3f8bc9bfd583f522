#include "base/memory.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace rankine;

TEST_CASE("a size of memory has decimals and a unit of either kind, or is the automatic one") {
  const auto bytes = [](const char* text) { return parse_memory(text, "--memory_budget", 7); };
  CHECK(bytes("auto") == 7);
  CHECK(bytes("900") == 900);
  CHECK(bytes("2.5k") == 2560);
  CHECK(bytes("900M") == size_t{900} << 20);
  CHECK(bytes("6GiB") == size_t{6} << 30);
  CHECK(bytes("6gb") == bytes("6G"));
  for (const char* text : {"", "G", "-1G", "0", "6 parsecs", "6GG"})
    CHECK_THROWS_WITH_AS(bytes(text), doctest::Contains("--memory_budget: expected a size"), Error);
}
