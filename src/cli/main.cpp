#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <vector>

#include "cli/commands.h"

namespace {

/// Threads that wait for the next kernel spin a little and then sleep. OpenMP's default is to spin for milliseconds,
/// which takes the processor from the loader and from other programs: two runs side by side then take ten times as
/// long. The library reads this when it is loaded, so the program starts itself again with it; whoever set it has their
/// way.
void limit_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  setenv("GOMP_SPINCOUNT", "2000", 1);
  execv("/proc/self/exe", argv);  // only returns where it fails; then the default stays
}

}  // namespace

int main(int argc, char** argv) {
  limit_spinning(argv);
  try {
    rankine::run_command_line({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
