#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <vector>

#include "cli/commands.h"
#include "cli/user_message.h"

namespace {

/// With OMP_PROC_BIND or GOMP_CPU_AFFINITY the library has bound this thread to its first place. A program that it
/// starts would get only that processor and one thread, so this returns all processors.
void release_processors() {
  cpu_set_t all;
  CPU_ZERO(&all);
  for (int place = 0; place < omp_get_num_places(); ++place) {
    std::vector<int> ids(static_cast<size_t>(omp_get_place_num_procs(place)));
    omp_get_place_proc_ids(place, ids.data());
    for (const int id : ids) CPU_SET(static_cast<size_t>(id), &all);
  }
  if (CPU_COUNT(&all) > 0) sched_setaffinity(0, sizeof all, &all);
}

/// Lets threads that wait for the next kernel spin briefly and then sleep. OpenMP's default is to spin for
/// milliseconds, which takes the processor from the loader and from other programs: two runs side by side then take ten
/// times as long. The library reads the variable when it is loaded, so the program sets it and starts itself again. A
/// value that the user has set stays.
void limit_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  setenv("GOMP_SPINCOUNT", "2000", 1);
  release_processors();
  execv("/proc/self/exe", argv);  // returns only on failure; then the default stays
}

}  // namespace

int main(int argc, char** argv) {
  limit_spinning(argv);
  try {
    rankine::run_command_line({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << rankine::user_message(error) << '\n';
    return 1;
  }
}
