#include "backend/cpu/arena.h"

#include <doctest/doctest.h>
#include <omp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

#include "backend/cpu/pool.h"
#include "base/error.h"

namespace rankine::cpu {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

/// Bytes of these that the process really has.
size_t resident(const std::byte* begin, size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((bytes + page - 1) / page);
  REQUIRE(mincore(const_cast<std::byte*>(begin), bytes, pages.data()) == 0);
  size_t sum = 0;
  for (const unsigned char state : pages) sum += (state & 1) * page;
  return sum;
}

/// Bytes of address space that this process has mapped.
size_t virtual_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t pages = 0;
  statm >> pages;
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("Arena: it grows in its place, keeps what it holds and has touched what it grew by") {
  Arena arena;
  std::byte* const base = arena.base();
  CHECK(reinterpret_cast<uintptr_t>(base) % (2 * kMiB) == 0);
  arena.grow(5000);
  std::memset(base, 7, 5000);
  arena.grow(9 * kMiB + 1);
  CHECK(arena.base() == base);
  CHECK(arena.bytes() == 9 * kMiB + 4096);
  CHECK(resident(base, arena.bytes()) == arena.bytes());
  CHECK(base[4999] == std::byte{7});
  CHECK(base[arena.bytes() - 1] == std::byte{0});
}

TEST_CASE("Arena: what is given back comes as zeros, what lies before it stays") {
  Arena arena;
  arena.grow(9 * kMiB);
  std::memset(arena.base(), 7, arena.bytes());
  arena.shrink(3 * kMiB);
  CHECK(arena.bytes() == 3 * kMiB);
  CHECK(resident(arena.base(), 9 * kMiB) == 3 * kMiB);
  arena.grow(9 * kMiB);
  CHECK(arena.base()[3 * kMiB - 1] == std::byte{7});
  CHECK(arena.base()[3 * kMiB] == std::byte{0});
  CHECK(arena.base()[9 * kMiB - 1] == std::byte{0});
  arena.refit(kMiB / 2);  // small: nothing is given back for it
  CHECK(arena.bytes() == 9 * kMiB);
  arena.refit(2 * kMiB);
  CHECK(arena.bytes() == 2 * kMiB);
  arena.release_scratch();
  CHECK(resident(arena.base(), arena.bytes()) == 0);
  CHECK(arena.base()[0] == std::byte{0});
  arena.clear();
  CHECK(arena.bytes() == 0);
}

TEST_CASE("Arena: where address space is limited it grows in its place all the same, and takes only what it holds") {
  const pid_t child = fork();  // a limit cannot be lifted again
  if (child == 0) {
    alarm(60);
    omp_set_num_threads(1);  // the threads of a team do not survive fork
    const size_t limit = virtual_bytes() + 256 * kMiB;
    const rlimit limits{limit, limit};
    if (setrlimit(RLIMIT_AS, &limits) != 0) _exit(2);
    const auto require = [](bool ok) {
      if (!ok) _exit(1);
    };
    const size_t before = virtual_bytes();
    Arena first, second, third;
    require(virtual_bytes() - before < kMiB);
    for (Arena* arena : {&first, &second}) {
      arena->grow(5000);
      std::memset(arena->base(), 7, 5000);
    }
    std::byte* const base = first.base();
    first.grow(60 * kMiB);
    second.grow(60 * kMiB);
    require(first.base() == base && base[4999] == std::byte{7} && base[60 * kMiB - 1] == std::byte{0});
    first.shrink(2 * kMiB);
    third.grow(140 * kMiB);  // fits only because the first gave its addresses back
    require(third.base()[140 * kMiB - 1] == std::byte{0} && second.base()[4999] == std::byte{7});
    bool refused = false;
    try {
      first.grow(200 * kMiB);
    } catch (const Error&) {
      refused = true;
    }
    require(refused);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("Pool: blocks lie one after the other; those freed from the end are made again in their place") {
  Pool pool;
  std::byte* const first = pool.allocate(100);
  std::memset(first, 1, 100);
  const size_t used = pool.used();
  std::byte* const second = pool.allocate(3 * kMiB);
  std::memset(second, 2, 3 * kMiB);
  CHECK(reinterpret_cast<uintptr_t>(second) % 64 == 0);
  CHECK(second == first + 128);
  pool.shrink(used);
  CHECK(resident(first, 3 * kMiB) == 4096);
  CHECK(pool.allocate(64) == second);
  CHECK(first[99] == std::byte{1});
}

}  // namespace rankine::cpu
